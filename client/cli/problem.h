// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "client/include/tantalus/tantalus.h"
#include "protocol/error.h"

namespace tantalus::cli {

/// docs/man/tantalus.1, "EXIT STATUS": a contract.
namespace exit_code {
inline constexpr int done = 0;
inline constexpr int found_something = 1;
inline constexpr int usage = 2;
inline constexpr int not_found = 3;
inline constexpr int permission_denied = 4;
inline constexpr int unauthenticated = 5;
inline constexpr int unavailable = 6;
inline constexpr int misconfigured = 7;
inline constexpr int invalid_request = 8;
inline constexpr int internal = 70;
inline constexpr int exec_failed = 125;
inline constexpr int cannot_run = 126;
inline constexpr int no_such_command = 127;
}  // namespace exit_code

[[nodiscard]] int to_exit_code(tantalus_status status) noexcept;

/// What is told as `tantalus: WHAT: WHY`, with a second line where there is something to do.
struct Problem {
  int exit = exit_code::internal;
  std::string what;
  std::string why;
  std::string remedy;
};

template <class T>
class [[nodiscard]] Outcome : public std::expected<T, Problem> {
 public:
  using std::expected<T, Problem>::expected;
};

[[nodiscard]] Problem usage_problem(std::string_view command, std::string why);
[[nodiscard]] Problem agent_problem(std::string what, tantalus_status status, std::string why);
[[nodiscard]] Problem reference_problem(std::string what, const Error& error);

void tell(const Problem& problem);

/// Text from elsewhere for a terminal: what isn't printable ASCII or UTF-8 is escaped (trap 116).
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace tantalus::cli
