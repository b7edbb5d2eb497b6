// SPDX-License-Identifier: Apache-2.0
#include "client/cli/format.h"

#include "client/cli/spark.h"
#include "client/src/reply.h"
#include "tests/support/catch.h"

using namespace tantalus::cli;
using tantalus::client::LockedBuffer;
using tantalus::client::LockedHeap;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const LockedBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.bytes().data()), buffer.bytes().size()};
}

Answer make_answer(std::string_view value) {
  tantalus::response::SecretView view;
  view.value = bytes_of(value);
  view.key = "db-password";
  view.source = "file";
  view.scope = "domain";
  view.version = "7";
  view.age = 12;
  view.ttl = 300'000;
  view.cached = true;
  Answer answer;
  answer.secret.reset(tantalus::client::make_secret(LockedHeap::make(), view).release());
  return answer;
}

Argument make_argument(std::string_view key) {
  return *read_argument(key, ShortForm{});
}

std::string formatted(Format format, const std::vector<std::string_view>& values,
                      const std::vector<std::string_view>& keys) {
  std::vector<Answer> answers;
  std::vector<Argument> arguments;
  for (const std::string_view value : values) {
    answers.push_back(make_answer(value));
  }
  for (const std::string_view key : keys) {
    arguments.push_back(make_argument(key));
  }
  LockedBuffer out(LockedHeap::make());
  const Outcome<void> written = write_secrets(format, arguments, answers, out);
  return written ? text_of(out) : "!" + written.error().why;
}

}  // namespace

TEST_CASE("raw is the value's bytes and nothing else", "[client]") {
  CHECK(formatted(Format::raw, {std::string_view("a\0b\n\xff", 5)}, {"k"}) == std::string("a\0b\n\xff", 5));
}

TEST_CASE("json is the secret, an array for several, and base64 for what is no text", "[client]") {
  const std::string head =
      R"({"key":"db-password","source":"file","scope":"domain","version":"7","updated_at":null,"age":12,"ttl":300000,)"
      R"("cached":true,"stale":false,)";
  CHECK(formatted(Format::json, {"p\"w\\\n\x01"}, {"k"}) == head + "\"value\":\"p\\\"w\\\\\\n\\u0001\"}\n");
  CHECK(formatted(Format::json, {"\xff\xfe"}, {"k"}) == head + "\"value_base64\":\"//4=\"}\n");
  CHECK(formatted(Format::json, {"a", "b"}, {"k", "l"}) ==
        "[" + head + "\"value\":\"a\"}," + head + "\"value\":\"b\"}]\n");
}

TEST_CASE("base64 is the standard alphabet with its padding", "[client]") {
  // RFC 4648, section 10.
  const std::vector<std::pair<std::string_view, std::string>> vectors{
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [value, encoded] : vectors) {
    CHECK(formatted(Format::base64, {value}, {"k"}) == encoded + "\n");
  }
}

TEST_CASE("env is read back by a shell, whatever the value", "[client]") {
  CHECK(formatted(Format::env, {"it's $HOME `x` \\"}, {"db-password"}) == "DB_PASSWORD='it'\\''s $HOME `x` \\'\n");
  CHECK(formatted(Format::env, {"a\nb"}, {"k"}) == "K='a\nb'\n");
  CHECK_THAT(formatted(Format::env, {std::string_view("a\0", 2)}, {"k"}), Catch::Matchers::StartsWith("!"));
  CHECK_THAT(formatted(Format::env, {"a", "b"}, {"a-b", "a.b"}), Catch::Matchers::StartsWith("!"));
}

TEST_CASE("a variable's name is the key upper-cased, other characters _", "[client]") {
  CHECK(variable_name("db-password") == "DB_PASSWORD");
  CHECK(variable_name("MINIO.DEV.PASSWORD") == "MINIO_DEV_PASSWORD");
  CHECK(variable_name("team/db") == "TEAM_DB");
  CHECK(variable_name("1password") == "_1PASSWORD");
}

TEST_CASE("a Spark property is read back by java.util.Properties", "[client]") {
  const auto property = [](std::string_view name, std::string_view value) {
    LockedBuffer out(LockedHeap::make());
    return write_property(name, bytes_of(value), out) ? text_of(out) : "!";
  };
  CHECK(property("spark.a", "plain") == "spark.a=plain\n");
  CHECK(property("a b:c=d#e!", "v") == "a\\ b\\:c\\=d\\#e\\!=v\n");
  CHECK(property("k", "  two = words # ! :") == "k=\\ \\ two = words # ! :\n");
  CHECK(property("k", "a\\b\nc\td\re") == "k=a\\\\b\\nc\\td\\re\n");
  CHECK(property("k", std::string_view("\0", 1)) == "k=\\u0000\n");
  CHECK(property("k", "\xc3\xa9") == "k=\xc3\xa9\n");
  CHECK(property("k", "\xff") == "!");
}

TEST_CASE("Spark's commands get the properties file before their own arguments", "[client]") {
  CHECK(is_spark_command("/opt/spark/bin/spark-submit"));
  CHECK(is_spark_command("pyspark"));
  CHECK_FALSE(is_spark_command("my-spark-submit"));
  const auto extended = with_properties_file({"spark-submit", "app.py"}, "/proc/self/fd/3");
  REQUIRE(extended);
  CHECK(*extended == std::vector<std::string>{"spark-submit", "--properties-file", "/proc/self/fd/3", "app.py"});
  CHECK_FALSE(with_properties_file({"spark-submit", "--properties-file", "x"}, "/proc/self/fd/3"));
  CHECK_FALSE(with_properties_file({"spark-submit", "--properties-file=x"}, "/proc/self/fd/3"));
}
