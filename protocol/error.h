// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/instant.h"

namespace tantalus {

/// The wire's error table (docs/protocol.md, "Errors"): one vocabulary from the kernel to the client.
enum class Code : std::uint8_t {
  invalid_request,
  unauthenticated,
  permission_denied,
  not_found,
  too_large,
  overloaded,
  unavailable,
  misconfigured,
  internal,
};

[[nodiscard]] std::string_view to_text(Code code) noexcept;
[[nodiscard]] std::optional<Code> code_from_text(std::string_view text) noexcept;
/// Whether asking again later can help, as the table's third column says.
[[nodiscard]] bool is_retryable(Code code) noexcept;

/// Why something failed. The message is for people and never holds a value, a token, another domain's name, or a
/// backend's own text or address.
struct Error {
  Code code = Code::internal;
  std::string message;
  Millis retry_after{0};  ///< 0: not said.
};

/// std::expected of libstdc++ 12 is not [[nodiscard]]; this is.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message, Millis retry_after = Millis{0}) {
  return std::unexpected<Error>(Error{code, std::move(message), retry_after});
}

[[noreturn]] void abort_because(const char* why) noexcept;

/// A bug ends the process, in release builds too: an agent that has lost its invariants must not go on holding secrets.
inline void check(bool holds, const char* why) noexcept {
  if (!holds) [[unlikely]] {
    abort_because(why);
  }
}

}  // namespace tantalus
