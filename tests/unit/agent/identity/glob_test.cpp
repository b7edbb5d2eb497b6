// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/glob.h"

#include <string>

#include "tests/support/catch.h"

namespace tantalus {

TEST_CASE("a star stands for any characters, everything else for itself") {
  struct Case {
    const char* pattern;
    const char* text;
    bool fits;
  };
  for (const Case& each : {Case{"", "", true},      {"", "a", false},
                           {"a", "", false},        {"a", "a", true},
                           {"a", "A", false},       {"*", "", true},
                           {"*", "anything", true}, {"a*", "a", true},
                           {"a*", "ab", true},      {"a*", "ba", false},
                           {"*a", "ba", true},      {"*a", "ab", false},
                           {"a*c", "abc", true},    {"a*c", "ac", true},
                           {"a*c", "abcd", false},  {"a*b*c", "a-b-b-c", true},
                           {"a*b*c", "acb", false}, {"**", "x", true},
                           {"*ab", "aab", true},    {"?", "a", false},
                           {"[a]", "a", false},     {"spark-*", "spark-1", true},
                           {"a*a", "a", false},     {"*a*", "bab", true}}) {
    INFO(each.pattern << " " << each.text);
    CHECK(matches_glob(each.pattern, each.text) == each.fits);
  }
}

TEST_CASE("many stars take no more than pattern times text steps", "[promise-14]") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) {
    pattern += "*a";
  }
  CHECK_FALSE(matches_glob(pattern + "b", std::string(5000, 'a')));
}

}  // namespace tantalus
