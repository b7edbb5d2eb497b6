// SPDX-License-Identifier: Apache-2.0
#include "agent/config/suggest.h"

#include <array>

#include "tests/support/catch.h"

using namespace tantalus;

TEST_CASE("a slip of the keyboard finds the word that was meant, and another word finds none") {
  constexpr std::array<std::string_view, 5> known{"max_frame", "max_value", "drain", "ttl", "negative_ttl"};
  CHECK(nearest_word("max_frames", known) == "max_frame");
  CHECK(nearest_word("maxFrame", known) == "max_frame");
  CHECK(nearest_word("max-frame", known) == "max_frame");
  CHECK(nearest_word("max_vlaue", known) == "max_value");
  CHECK(nearest_word("darin", known) == "drain");
  CHECK(nearest_word("dari", known).empty());  // Two letters of four: too far for so short a word.
  CHECK(nearest_word("drains", known) == "drain");
  CHECK(nearest_word("tll", known) == "ttl");
  CHECK(nearest_word("mount", known).empty());
  CHECK(nearest_word("", known).empty());
  CHECK(nearest_word(std::string(10'000, 'a'), known).empty());
}
