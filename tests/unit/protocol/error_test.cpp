// SPDX-License-Identifier: Apache-2.0
#include "protocol/error.h"

#include "tests/support/catch.h"

namespace tantalus {

TEST_CASE("every code has its text, and says whether to ask again") {
  const auto [code, text, retry] = GENERATE(table<Code, std::string, bool>({
      {Code::invalid_request, "invalid_request", false},
      {Code::unauthenticated, "unauthenticated", false},
      {Code::permission_denied, "permission_denied", false},
      {Code::not_found, "not_found", false},
      {Code::too_large, "too_large", false},
      {Code::overloaded, "overloaded", true},
      {Code::unavailable, "unavailable", true},
      {Code::misconfigured, "misconfigured", false},
      {Code::internal, "internal", true},
  }));
  CHECK(to_text(code) == text);
  CHECK(code_from_text(text) == code);
  CHECK(is_retryable(code) == retry);
}

TEST_CASE("what is no code has none") {
  CHECK_FALSE(code_from_text("").has_value());
  CHECK_FALSE(code_from_text("Internal").has_value());
  CHECK_FALSE(code_from_text("not found").has_value());
}

}  // namespace tantalus
