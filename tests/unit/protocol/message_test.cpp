// SPDX-License-Identifier: Apache-2.0
#include "protocol/message.h"

#include <string>

#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/unit/protocol/wire_bytes.h"

namespace tantalus {
namespace {

using namespace wire_bytes;
using Kind = MessageReader::Kind;
using Catch::Matchers::ContainsSubstring;

const std::string key = str("key") + str("db-password");

/// Reads one message whose bytes live as long as this.
struct Read {
  explicit Read(std::string message, std::uint32_t max_batch = 4)
      : bytes(std::move(message)), reader(max_batch), kind(reader.read(bytes_of(bytes))) {}

  std::string bytes;
  MessageReader reader;
  Kind kind;

  [[nodiscard]] const Call& call() const { return reader.call(); }
  [[nodiscard]] const Error& error() const { return reader.error(); }
};

}  // namespace

TEST_CASE("a bad request names what is wrong, keeps its msgid and the connection", "[trap-29]") {
  struct Row {
    std::string name, message, says;
  };
  const std::string two_maps = array(4) + uint(0) + uint(7) + str("ping") + array(2) + map(0) + map(0);
  const auto row = GENERATE_COPY(values<Row>({
      {"an unknown method", request("get", map(0)), "unknown method `get`"},
      {"a method in another case", request("Ping", map(0)), "unknown method `Ping`"},
      {"a method that is no UTF-8", request("p\xff", map(0)), "unknown method `p\\xff`"},
      {"an empty method", request("", map(0)), "unknown method ``"},
      {"params of two", two_maps, "one map, not 2"},
      {"params of no map", request("resolve", str("db-password")), "a map and nothing else"},
      {"params of an array", request("resolve", array(1) + str("x")), "a map and nothing else"},
      {"params of nil", request("ping", nil()), "a map and nothing else"},
      {"a typo", request("resolve", map(2) + key + str("sorce") + str("vault")), "unknown argument `sorce`"},
      {"another method's argument", request("ping", map(1) + key), "unknown argument `key`"},
      {"a domain", request("resolve", map(2) + key + str("domain") + str("x")), "unknown argument `domain`"},
      {"max_age for explain", request("explain", map(2) + key + str("max_age") + uint(0)), "`max_age`"},
      {"version for list", request("list", map(1) + str("version") + uint(0)), "unknown argument `version`"},
      {"a long unknown name", request("ping", map(1) + str(std::string(500, 'x')) + nil()), "xxx...`"},
      {"a name with a line break", request("ping", map(1) + str("a\nb") + nil()), "`a\\x0ab`"},
      {"a duplicate", request("resolve", map(2) + key + key), "`key` stands twice"},
      {"a name that is a bin", request("resolve", map(1) + bin("key") + str("x")), "names of arguments are str"},
      {"a name that is a number", request("resolve", map(1) + uint(1) + str("x")), "names of arguments are str"},
      {"a name that is a map", request("resolve", map(1) + map(0) + str("x")), "names of arguments are str"},
      {"no key", request("resolve", map(0)), "`key` is missing"},
      {"no key for explain", request("explain", map(1) + str("source") + str("file")), "`key` is missing"},
      {"no refs", request("resolve_many", map(0)), "`refs` is missing"},
      {"no refs to subscribe", request("subscribe", map(0)), "`refs` is missing"},
      {"a key that is a bin", request("resolve", map(1) + str("key") + bin("x")), "`key` must be a str"},
      {"a key that is nil", request("resolve", map(1) + str("key") + nil()), "`key` must be a str"},
      {"a key that is an ext", request("resolve", map(1) + str("key") + "\xd4\x01x"), "`key` must be a str"},
      {"a key that is an array", request("resolve", map(1) + str("key") + array(1) + nil()), "`key` must be a str"},
      {"an empty key", request("resolve", map(1) + str("key") + str("")), "`key` is empty"},
      {"a key of 254", request("resolve", map(1) + str("key") + str(std::string(254, 'k'))), "longer than 253"},
      {"a key of bad UTF-8", request("resolve", map(1) + str("key") + str("a\xc3")), "`key` is not UTF-8"},
      {"a field of bad UTF-8", request("resolve", map(2) + key + str("field") + str("\xed\xa0\x80")), "`field` is not"},
      {"an empty field", request("resolve", map(2) + key + str("field") + str("")), "`field` is empty"},
      {"an empty id", request("resolve", map(2) + key + str("id") + str("")), "`id` is empty"},
      {"an unknown source", request("resolve", map(2) + key + str("source") + str("etcd")), "`source` must be"},
      {"a source that is a bin", request("resolve", map(2) + key + str("source") + bin("vault")), "`source` must be"},
      {"an unknown scope", request("resolve", map(2) + key + str("scope") + str("all")), "`scope` must be"},
      {"a scope in upper case", request("resolve", map(2) + key + str("scope") + str("GLOBAL")), "`scope` must be"},
      {"a version that is a str", request("resolve", map(2) + key + str("version") + str("3")), "`version` must be"},
      {"a negative version", request("resolve", map(2) + key + str("version") + "\xff"), "`version` must be"},
      {"a version of 33 bits", request("resolve", map(2) + key + str("version") + uint(0x100000000)), "4294967295"},
      {"a version that is a float", request("resolve", map(2) + key + str("version") + header(0xca, 0, 4)),
       "`version`"},
      {"a negative max_age", request("resolve", map(2) + key + str("max_age") + header(0xd0, 0x80, 1)), "`max_age`"},
      {"a max_age that is a bool", request("resolve", map(2) + key + str("max_age") + boolean(true)), "`max_age` must"},
      {"refs that are a map", request("resolve_many", map(1) + str("refs") + map(0)), "`refs` must be an array"},
      {"protocol 0", request("hello", map(1) + str("protocol") + uint(0)), "`protocol` must be an integer, 1 or more"},
      {"a token that is a bin", request("hello", map(1) + str("token") + bin("t")), "`token` must be a str"},
      {"a long token", request("hello", map(1) + str("token") + str(std::string(16'385, 't'))), "longer than 16384"},
      {"a long client", request("hello", map(1) + str("client") + str(std::string(129, 'c'))), "longer than 128"},
      {"a filter of bad type", request("list", map(1) + str("scope") + uint(1)), "`scope` must be"},
  }));
  INFO(row.name);
  const Read read(row.message);
  REQUIRE(read.kind == Kind::bad_request);
  CHECK(read.reader.msgid() == 7);
  CHECK(read.error().code == Code::invalid_request);
  CHECK_THAT(read.error().message, ContainsSubstring(row.says));
}

TEST_CASE("a refusal never repeats an argument's value", "[promise-7]") {
  const std::string canary = "c4n4ry";
  for (const std::string& message : {
           request("resolve", map(2) + key + str("source") + str(canary)),
           request("resolve", map(2) + key + str("scope") + str(canary)),
           request("resolve", map(1) + str("key") + str(canary + "\xff")),
           request("hello", map(1) + str("token") + str(canary + std::string(20'000, 'x'))),
           request("hello", map(2) + str("token") + str(canary) + str("token") + str(canary)),
       }) {
    const Read read(message);
    REQUIRE(read.kind == Kind::bad_request);
    CHECK_THAT(read.error().message, !ContainsSubstring(canary));
  }
}

TEST_CASE("no params and an empty map are the same") {
  CHECK(Read(array(4) + uint(0) + uint(7) + str("ping") + array(0)).kind == Kind::call);
  CHECK(Read(request("ping", map(0))).kind == Kind::call);
  CHECK(Read(request("list", map(0))).call().method == Method::list);
  CHECK(Read(request("hello", map(0))).call().protocol == 0);
}

TEST_CASE("a source is read in either case, and a version of 0 is the latest") {
  const Read read(request("resolve", map(3) + key + str("source") + str("VaulT") + str("version") + uint(0)));
  REQUIRE(read.kind == Kind::call);
  CHECK(read.call().reference.source == Source::vault);
  CHECK(read.call().reference.version == 0);
  CHECK(read.call().reference.scope == Scope::domain);
  CHECK_FALSE(read.call().max_age.has_value());
}

TEST_CASE("a max_age that no value can reach and a protocol of the far future are cut to what can be counted") {
  const Read aged(request("resolve", map(2) + key + str("max_age") + uint(0xffffffffffffffff)));
  REQUIRE(aged.kind == Kind::call);
  // In nanoseconds, as clocks count, it must not overflow.
  CHECK(std::chrono::nanoseconds(*aged.call().max_age).count() > 0);
  const Read hello(request("hello", map(1) + str("protocol") + uint(0xffffffffffffffff)));
  CHECK(hello.call().protocol == 0xffffffff);
}

TEST_CASE("a call holds nothing of the one before it") {
  MessageReader reader(4);
  const std::string full = request(
      "resolve", map(4) + key + str("source") + str("vault") + str("field") + str("f") + str("max_age") + uint(0));
  const std::string batch = request("resolve_many", map(1) + str("refs") + array(1) + map(1) + key);
  const std::string hello = request("hello", map(1) + str("token") + str("t"));
  const std::string bare = request("resolve", map(1) + str("key") + str("other"));
  for (const std::string& before : {full, batch, hello}) {
    REQUIRE(reader.read(bytes_of(before)) == Kind::call);
    REQUIRE(reader.read(bytes_of(bare)) == Kind::call);
    const Call& call = reader.call();
    CHECK(call.reference.key == "other");
    CHECK_FALSE(call.reference.source.has_value());
    CHECK(call.reference.field.empty());
    CHECK_FALSE(call.max_age.has_value());
    CHECK_FALSE(call.token.has_value());
    CHECK(call.references.empty());
  }
}

TEST_CASE("one bad reference of a batch fails alone") {
  const std::string good = map(1) + key;
  const std::string refs = array(11) + good +                                                                 //
                           (map(2) + key + str("sorce") + map(1) + str("a") + array(1) + nil()) +             //
                           str("db-password") +                                                               //
                           (array(2) + good + nil()) +                                                        //
                           (map(1) + str("source") + str("vault")) +                                          //
                           (map(3) + key + key + str("id") + str("x")) +                                      //
                           (map(1) + map(1) + nil() + nil() + array(1) + map(0)) +                            //
                           (map(2) + key + str("max_age") + uint(0)) +                                        //
                           (map(2) + str("key") + array(2) + nil() + nil() + str("source") + str("vault")) +  //
                           map(0) + good;
  const std::string_view says[] = {"",
                                   "unknown argument `sorce`",
                                   "must be a map",
                                   "must be a map",
                                   "missing",
                                   "`key` stands twice",
                                   "names of arguments",
                                   "unknown argument `max_age`",
                                   "`key` must be a str",
                                   "`key` is missing",
                                   ""};
  const auto method = GENERATE(values<std::string>({"resolve_many", "subscribe"}));
  const Read read(request(method, map(1) + str("refs") + refs), 256);
  REQUIRE(read.kind == Kind::call);
  const auto& items = read.call().references;
  REQUIRE(items.size() == std::size(says));
  for (std::size_t i = 0; i < items.size(); ++i) {
    INFO(i);
    REQUIRE(items[i].error.has_value() == !says[i].empty());
    if (items[i].error) {
      CHECK(items[i].error->code == Code::invalid_request);
      CHECK_THAT(items[i].error->message, ContainsSubstring(std::string(says[i])));
    } else {
      CHECK(items[i].reference.key == "db-password");
    }
  }
}

TEST_CASE("the arguments of a batch come in any order") {
  const Read read(request("resolve_many", map(2) + str("max_age") + uint(9) + str("refs") + array(1) + map(1) + key));
  REQUIRE(read.kind == Kind::call);
  CHECK(read.call().max_age == Millis(9));
  CHECK(read.call().references.size() == 1);
  CHECK(Read(request("resolve_many", map(1) + str("refs") + array(0))).kind == Kind::call);
}

TEST_CASE("a batch of more than max_batch is too large, before its references are read") {
  std::string refs = array(5);
  for (int i = 0; i < 5; ++i) {
    refs += map(1) + key;
  }
  for (const std::string& method : {std::string("resolve_many"), std::string("subscribe")}) {
    Read read(request(method, map(1) + str("refs") + refs));
    CHECK(read.kind == Kind::bad_request);
    CHECK(read.error().code == Code::too_large);
    CHECK(read.reader.msgid() == 7);
    CHECK_THAT(read.error().message, ContainsSubstring("5 references, more than 4"));
    read.reader.set_max_batch(5);
    CHECK(read.reader.read(bytes_of(read.bytes)) == Kind::call);
  }
}

TEST_CASE("a client's notification is ignored, whatever it holds") {
  CHECK(Read(array(3) + uint(2) + str("resolve") + array(0)).kind == Kind::notification);
  CHECK(Read(array(3) + uint(2) + str("\xff") + array(2) + map(1) + nil() + bin("x") + uint(1)).kind ==
        Kind::notification);
}

TEST_CASE("what is not one whole message is a bad frame, answered with msgid 0") {
  const std::string good = request("resolve", map(1) + key);
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    CHECK(Read(good.substr(0, size)).kind == Kind::bad_frame);
  }
  for (const std::string& bytes :
       {good + nil(), std::string("GET"), array(4) + uint(1) + uint(1) + nil() + nil(), map(0),
        array(2) + nil() + nil(), array(4) + uint(0) + nil() + str("ping") + array(0),
        array(4) + uint(0) + uint(1) + nil() + array(0), array(4) + uint(0) + uint(1) + str("ping") + nil(),
        request("resolve", map(2) + key + "\xc1")}) {
    const Read read(bytes);
    CHECK(read.kind == Kind::bad_frame);
    CHECK(read.reader.msgid() == 0);
    CHECK(read.error().code == Code::invalid_request);
  }
}

TEST_CASE("a negative number leaves nothing behind for the next one") {
  MessageReader reader(4);
  const std::string bad = request("resolve", map(2) + key + str("max_age") + "\xff");
  const std::string good = request("resolve", map(2) + key + str("max_age") + uint(5));
  REQUIRE(reader.read(bytes_of(bad)) == Kind::bad_request);
  REQUIRE(reader.read(bytes_of(good)) == Kind::call);
  CHECK(reader.call().max_age == Millis(5));
}

TEST_CASE("a reader reads on after every kind of failure") {
  MessageReader reader(4);
  const std::string good = request("resolve", map(1) + key);
  for (const std::string& bad :
       {std::string("\xc1"), good.substr(0, 10), good.substr(0, good.size() - 3),
        request("resolve", map(1) + str("key") + map(1) + map(1) + nil() + nil() + nil()),
        request("resolve_many", map(1) + str("refs") + array(1) + array(1) + array(1) + nil())}) {
    static_cast<void>(reader.read(bytes_of(bad)));
    REQUIRE(reader.read(bytes_of(good)) == Kind::call);
    CHECK(reader.call().reference.key == "db-password");
    CHECK(reader.msgid() == 7);
  }
}

}  // namespace tantalus
