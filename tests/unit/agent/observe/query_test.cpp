// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/query.h"

#include <string>

#include "tests/support/catch.h"

using namespace tantalus;

TEST_CASE("a target is a path and decoded parameters") {
  const auto target = parse_target("/v1/cache?domain=a%2Fb&key=x+y&empty&&last=");
  REQUIRE(target);
  CHECK(target->path == "/v1/cache");
  REQUIRE(target->parameters.size() == 4);
  CHECK(*target->find("domain") == "a/b");
  CHECK(*target->find("key") == "x y");
  CHECK(target->find("empty")->empty());
  CHECK(target->find("last")->empty());
  CHECK(target->find("other") == nullptr);
}

TEST_CASE("absolute form and fragments come down to the path") {
  CHECK(parse_target("http://localhost/v1/status")->path == "/v1/status");
  CHECK(parse_target("http://localhost")->path == "/");
  CHECK(parse_target("/a#b?c")->path == "/a");
  CHECK(parse_target("/a?b=c#d")->find("b")->size() == 1);
}

TEST_CASE("a bad parameter is refused by its name") {
  for (const char* const query : {"key=%", "key=%4", "key=%zz", "key=a&key=b", "key=a&%6bey=b"}) {
    const auto target = parse_target(std::string("/x?") + query);
    REQUIRE_FALSE(target);
    CHECK_THAT(target.error().message, Catch::Matchers::ContainsSubstring("parameter key: "));
  }
  std::string many = "/x?";
  for (int i = 0; i < 17; ++i) {
    many += "p" + std::to_string(i) + "=&";
  }
  CHECK_FALSE(parse_target(many));
}

TEST_CASE("hex goes there and back, and anything else is refused") {
  const std::string bytes("\0a\xff", 3);
  CHECK(to_hex(bytes) == "0061ff");
  CHECK(*from_hex("0061ff") == bytes);
  CHECK(*from_hex("0061FF") == bytes);
  CHECK(from_hex("")->empty());
  for (const char* const wrong : {"0", "0g", "00 ", "é"}) {
    CHECK_FALSE(from_hex(wrong));
  }
}
