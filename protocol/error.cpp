// SPDX-License-Identifier: Apache-2.0
#include "protocol/error.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace tantalus {
namespace {

struct Row {
  Code code;
  std::string_view text;
  bool retryable;
};

constexpr std::array table{
    Row{Code::invalid_request, "invalid_request", false},
    Row{Code::unauthenticated, "unauthenticated", false},
    Row{Code::permission_denied, "permission_denied", false},
    Row{Code::not_found, "not_found", false},
    Row{Code::too_large, "too_large", false},
    Row{Code::overloaded, "overloaded", true},
    Row{Code::unavailable, "unavailable", true},
    Row{Code::misconfigured, "misconfigured", false},
    Row{Code::internal, "internal", true},
};

}  // namespace

std::string_view to_text(Code code) noexcept {
  return table[static_cast<std::size_t>(code)].text;
}

std::optional<Code> code_from_text(std::string_view text) noexcept {
  for (const Row& row : table) {
    if (row.text == text) {
      return row.code;
    }
  }
  return std::nullopt;
}

bool is_retryable(Code code) noexcept {
  return table[static_cast<std::size_t>(code)].retryable;
}

void abort_because(const char* why) noexcept {
  std::fputs("tantalus: invariant broken: ", stderr);
  std::fputs(why, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace tantalus
