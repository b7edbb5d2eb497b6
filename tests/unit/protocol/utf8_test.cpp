// SPDX-License-Identifier: Apache-2.0
#include "protocol/utf8.h"

#include "tests/support/catch.h"

namespace tantalus {

TEST_CASE("UTF-8 is what RFC 3629 says") {
  for (const std::string_view good :
       {"", "a", "12345678", "1234567\xc3\xa9", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678 \xe2\x82\xac 12345678"}) {
    CHECK(is_utf8(good));
  }
  CHECK(is_utf8(std::string_view("a\0b", 3)));
}

TEST_CASE("overlong forms, surrogates, cut and stray bytes are no UTF-8", "[trap-29]") {
  for (const std::string_view bad : {"\x80",
                                     "\xbf",
                                     "\xc0\x80",
                                     "\xc1\xbf",
                                     "\xc2",
                                     "\xc2\x20",
                                     "\xe0\x80\x80",
                                     "\xe0\x9f\xbf",
                                     "\xe2\x82",
                                     "\xe2\x28\xa1",
                                     "\xe2\x82\x28",
                                     "\xed\xa0\x80",
                                     "\xed\xbf\xbf",
                                     "\xf0\x80\x80\x80",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xf0\x90\x80",
                                     "\xf4\x90\x80\x80",
                                     "\xf5\x80\x80\x80",
                                     "\xfe",
                                     "\xff",
                                     "12345678\xff",
                                     "1234567\xc3"}) {
    CHECK_FALSE(is_utf8(bad));
    CHECK_FALSE(is_utf8("12345678" + std::string(bad)));
  }
}

TEST_CASE("a quoted name shows control characters and foreign bytes as their numbers, and is short", "[trap-116]") {
  CHECK(quoted("sorce") == "`sorce`");
  CHECK(quoted("") == "``");
  CHECK(quoted("a\x1b[31m\n\x7f") == "`a\\x1b[31m\\x0a\\x7f`");
  CHECK(quoted("\xc3\xa9\xff") == "`\xc3\xa9\\xff`");
  CHECK(quoted("\xc2\x9b"
               "1m") == "`\\xc2\\x9b1m`");
  CHECK(quoted(std::string(64, 'x')) == "`" + std::string(64, 'x') + "`");
  CHECK(quoted(std::string(65, 'x')) == "`" + std::string(64, 'x') + "...`");
}

}  // namespace tantalus
