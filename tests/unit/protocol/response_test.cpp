// SPDX-License-Identifier: Apache-2.0
#include "protocol/response.h"

#include <string>

#include "tests/support/catch.h"
#include "tests/unit/protocol/wire_bytes.h"

namespace tantalus {
namespace {

using namespace wire_bytes;

std::string answer(const std::string& error, const std::string& result) {
  return array(4) + uint(1) + uint(7) + error + result;
}

const std::string secret = map(11) + str("key") + str("k") + str("source") + str("file") + str("scope") +
                           str("domain") + str("version") + str("1-2") + str("updated_at") + nil() + str("age") +
                           uint(5) + str("ttl") + uint(300'000) + str("cached") + boolean(true) + str("stale") +
                           boolean(false) + str("of_the_future") + map(1) + str("a") + array(2) + nil() + "\xd4\x01x" +
                           str("value") + bin("v");

}  // namespace

TEST_CASE("a client ignores the members that it doesn't know") {
  const std::string message = answer(nil(), secret);
  const auto head = response::read(bytes_of(message));
  REQUIRE(head.has_value());
  const auto read = response::read_secret(head->result);
  REQUIRE(read.has_value());
  CHECK(read->key == "k");
  CHECK(read->value.size() == 1);
  CHECK_FALSE(read->updated_at.has_value());
  CHECK(read->ttl == 300'000);

  const std::string error = map(2) + str("code") + str("overloaded") + str("details") + array(1) + map(0);
  const std::string refusal = answer(error, nil());
  const auto failed = response::read(bytes_of(refusal));
  REQUIRE(failed.has_value());
  CHECK(failed->error->code == "overloaded");
  CHECK(failed->error->retry_after == 0);
}

TEST_CASE("a response that is cut off anywhere, or goes on, is refused") {
  const std::string whole = answer(nil(), secret);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(response::read(bytes_of(whole.substr(0, size))).has_value());
  }
  CHECK_FALSE(response::read(bytes_of(whole + nil())).has_value());
  for (std::size_t size = 0; size < secret.size(); ++size) {
    CHECK_FALSE(response::read_secret(bytes_of(secret.substr(0, size))).has_value());
  }
  CHECK_FALSE(response::read_secret(bytes_of(secret + nil())).has_value());
}

TEST_CASE("what is neither a response nor a notification is refused") {
  for (const std::string& bad :
       {array(4) + uint(0) + uint(1) + str("ping") + array(0), array(3) + uint(1) + nil() + nil(),
        array(4) + uint(1) + str("7") + nil() + nil(), answer(str("error"), nil()),
        answer(map(1) + nil() + nil(), nil()), array(3) + uint(2) + nil() + array(0),
        array(3) + uint(2) + str("changed") + map(0), nil(), map(0)}) {
    const auto read = response::read(bytes_of(bad));
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == Code::internal);
  }
}

TEST_CASE("a notification has its first parameter, or none") {
  const auto none = response::read(bytes_of(array(3) + uint(2) + str("later") + array(0)));
  REQUIRE(none.has_value());
  CHECK(none->result.empty());
  const auto two = response::read(bytes_of(array(3) + uint(2) + str("changed") + array(2) + map(0) + nil()));
  REQUIRE(two.has_value());
  CHECK(two->result.size() == 1);
}

TEST_CASE("a secret without a value, or with one that is no bin, is refused") {
  CHECK_FALSE(response::read_secret(bytes_of(map(1) + str("key") + str("k"))).has_value());
  CHECK_FALSE(response::read_secret(bytes_of(map(1) + str("value") + str("k"))).has_value());
  CHECK_FALSE(response::read_secret(bytes_of(nil())).has_value());
  CHECK_FALSE(response::read_secret(bytes_of(array(0))).has_value());
  CHECK_FALSE(response::read_secret(bytes_of(map(1) + bin("value") + bin("k"))).has_value());
  CHECK(response::read_secret(bytes_of(map(1) + str("value") + bin(""))).has_value());
}

TEST_CASE("an item of a batch is a secret or an error, and neither both nor none") {
  const std::string good = map(1) + str("value") + bin("v");
  const std::string error = map(1) + str("code") + str("not_found");
  CHECK(response::read_batch(bytes_of(array(2) + map(1) + str("secret") + good + map(1) + str("error") + error)));
  CHECK_FALSE(response::read_batch(bytes_of(array(1) + map(2) + str("secret") + good + str("error") + error)));
  CHECK_FALSE(response::read_batch(bytes_of(array(1) + map(0))));
  CHECK_FALSE(response::read_batch(bytes_of(array(1) + nil())));
  CHECK_FALSE(response::read_batch(bytes_of(header(0xdd, 0xffffffff, 4) + map(0))));
}

TEST_CASE("numbers that don't fit are cut, and another type is refused") {
  const std::string value = str("value") + bin("");
  const auto read = response::read_secret(bytes_of(map(2) + str("age") + uint(0xffffffffffffffff) + value));
  REQUIRE(read.has_value());
  CHECK(read->age == INT64_MAX);
  CHECK(response::read_secret(bytes_of(map(2) + str("age") + "\xff" + value))->age == -1);
  CHECK_FALSE(response::read_secret(bytes_of(map(2) + str("age") + str("1") + value)).has_value());
  CHECK_FALSE(response::read_secret(bytes_of(map(2) + str("stale") + uint(1) + value)).has_value());
}

TEST_CASE("members nested deeper than the protocol's depth are refused") {
  std::string deep = uint(1);
  for (int i = 0; i < 16; ++i) {
    deep.insert(0, map(1) + str("a"));
  }
  CHECK(response::read_members(bytes_of(deep)).has_value());
  CHECK_FALSE(response::read_members(bytes_of(map(1) + str("a") + deep)).has_value());
}

TEST_CASE("members of kinds that no method gives are passed over") {
  const auto members =
      response::read_members(bytes_of(map(4) + str("a") + array(1) + map(1) + nil() + nil() + str("b") + bin("x") +
                                      str("c") + header(0xcb, 0, 8) + str("d") + boolean(true)));
  REQUIRE(members.has_value());
  REQUIRE(members->size() == 1);
  CHECK((*members)[0].name == "d");
  CHECK((*members)[0].boolean);
}

}  // namespace tantalus
