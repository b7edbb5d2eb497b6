// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/json.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace tantalus::json {
namespace {

std::unique_ptr<Arena> arena_of(std::size_t bytes) {
  Result<std::unique_ptr<Arena>> made = Arena::make({.bytes = bytes});
  REQUIRE(made);
  return std::move(*made);
}

Secret secret_of(Arena& arena, std::string_view text) {
  Result<SecretWriter> writer = SecretWriter::make(arena, text.size());
  REQUIRE(writer);
  REQUIRE(writer->append(std::as_bytes(std::span(text))));
  return std::move(*writer).freeze();
}

/// "" where it fails; see code_of.
std::string member(std::string_view json, std::string_view field) {
  const std::unique_ptr<Arena> arena = arena_of(1U << 20U);
  const Result<Secret> found = json_member(*arena, secret_of(*arena, json), field);
  REQUIRE(found);
  const std::span<const std::byte> bytes = found->expose();
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

Code code_of(std::string_view json, std::string_view field) {
  const std::unique_ptr<Arena> arena = arena_of(1U << 20U);
  const Result<Secret> found = json_member(*arena, secret_of(*arena, json), field);
  REQUIRE_FALSE(found);
  return found.error().code;
}

TEST_CASE("a string member comes as the bytes that it means") {
  CHECK(member(R"({"a":"x","b":"y"})", "b") == "y");
  CHECK(member(R"({"a":""})", "a").empty());
  CHECK(member(R"({"a":"\"\\\/\b\f\n\r\t"})", "a") == "\"\\/\b\f\n\r\t");
  CHECK(member(R"({"a":"\u00e4\ud83d\ude00\u0000"})", "a") == std::string("\xc3\xa4\xf0\x9f\x98\x80\0", 7));
  CHECK(member("{\"a\":\"\xc3\xa4\"}", "a") == "\xc3\xa4");
  CHECK(member(R"({"\u0061":"x"})", "a") == "x");
}

TEST_CASE("any other member comes as its JSON text, unchanged", "[trap-90]") {
  CHECK(member(R"({"a": 9007199254740993})", "a") == "9007199254740993");
  CHECK(member(R"({"a":1e999 })", "a") == "1e999");
  CHECK(member(R"({"a":-0.10e+2,"b":1})", "a") == "-0.10e+2");
  CHECK(member(R"({"a":true})", "a") == "true");
  CHECK(member(R"({"a" : null })", "a") == "null");
  CHECK(member("{\"b\":1, \"a\" : { \"x\\n\": [1,\n \"\\u0041\" ] } , \"c\":\"\\t\"}", "a") ==
        "{ \"x\\n\": [1,\n \"\\u0041\" ] }");
  CHECK(member(R"({"a":[]})", "a") == "[]");
}

TEST_CASE("a missing member is not found, what is no JSON object is an invalid request") {
  CHECK(code_of(R"({"a":1})", "b") == Code::not_found);
  CHECK(code_of("{}", "b") == Code::not_found);
  CHECK(code_of(R"({"a":{"b":1}})", "b") == Code::not_found);
  for (const std::string_view json : {"",
                                      " ",
                                      "x",
                                      "\"a\"",
                                      "[1]",
                                      "1",
                                      "null",
                                      "{",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":1",
                                      "{\"a\":1,}",
                                      "{\"a\":1}}",
                                      "{\"a\":1} x",
                                      "{\"a\":1}{\"a\":1}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":+1}",
                                      "{\"a\":1e}",
                                      "{\"a\":-}",
                                      "{\"a\":nul}",
                                      "{\"a\":truex}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":\"\\ude00\"}",
                                      "{\"a\":\"\\ud800\\ud800\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"x}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[,1]}",
                                      "{\"a\" 1}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":[1}",
                                      "{\"a\":1]",
                                      "{\"a\":NaN}",
                                      "// x\n{\"a\":1}",
                                      "{\"a\":1}\\"}) {
    INFO(json);
    CHECK(code_of(json, "a") == Code::invalid_request);
  }
  CHECK(code_of(std::string_view("{\"a\":1}\0", 8), "a") == Code::invalid_request);
  CHECK(code_of("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}", "a") == Code::invalid_request);
}

TEST_CASE("a member that stands twice is refused, whichever is asked for") {
  CHECK(code_of(R"({"a":1,"a":2})", "a") == Code::invalid_request);
  CHECK(code_of(R"({"a":1,"\u0061":2,"b":1})", "b") == Code::invalid_request);
  CHECK(member(R"({"a":{"b":1},"b":2})", "b") == "2");
}

TEST_CASE("without room in locked memory a member is overloaded, and nothing leaks") {
  const std::unique_ptr<Arena> arena = arena_of(1U << 20U);
  const Secret json = secret_of(*arena, "{\"a\":\"" + std::string(300'000, 'x') + "\"}");
  std::vector<Secret> filler;
  while (true) {
    Result<SecretWriter> writer = SecretWriter::make(*arena, 100'000);
    if (!writer) {
      break;
    }
    writer->set_size(100'000);
    filler.push_back(std::move(*writer).freeze());
  }
  const std::size_t before = arena->usage().used;
  const Result<Secret> found = json_member(*arena, json, "a");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Code::overloaded);
  CHECK(arena->usage().used == before);
}

std::string events_of(std::string_view text) {
  std::vector<char> room(text.begin(), text.end());
  room.resize(text.size() + padding);
  EventStream stream(room, 8);
  std::string all;
  while (true) {
    const Parsed<ParseEvent> event = stream.next();
    if (!event) {
      return all + "! " + std::to_string(event.error().at.line) + ":" + std::to_string(event.error().at.column) + " " +
             event.error().what;
    }
    switch (event->kind) {
      case ParseEvent::Kind::stream_end:
        return all;
      case ParseEvent::Kind::document_start:
        all += "<";
        break;
      case ParseEvent::Kind::document_end:
        all += ">";
        break;
      case ParseEvent::Kind::mapping_start:
        all += "{";
        break;
      case ParseEvent::Kind::mapping_end:
        all += "}";
        break;
      case ParseEvent::Kind::sequence_start:
        all += "[";
        break;
      case ParseEvent::Kind::sequence_end:
        all += "]";
        break;
      case ParseEvent::Kind::scalar:
        all += (event->plain ? "=" : "'") + std::string(event->text) + "@" + std::to_string(event->at.line) + ":" +
               std::to_string(event->at.column) + " ";
        break;
    }
  }
}

TEST_CASE("events tell their places, and several texts may stand in a row") {
  CHECK(events_of("").empty());
  CHECK(events_of("{\"a\": [1, \"x\"],\n \"b\": {}}\n[]") == "<{'a@1:2 [=1@1:8 'x@1:11 ]'b@2:2 {}}><[]>");
  // A decoded line break doesn't move what follows.
  CHECK(events_of("{\"a\": \"1\\n2\\n3\",\n\"b\": x}") == "<{'a@1:2 '1\n2\n3@1:7 'b@2:1 ! 2:6 a value is expected");
}

TEST_CASE("errors have a place and no piece of the text", "[trap-137]") {
  CHECK(events_of("{\"a\": 1\n  \"hunter2\": 2}") == "<{'a@1:2 =1@1:7 ! 2:3 a ',' or '}' is expected");
  CHECK(events_of("{\"a\": \"x\\n\\u12\"}") == "<{'a@1:2 ! 1:11 a \\u that isn't followed by four hexadecimal digits");
  CHECK(events_of("[[[[[[[[[") == "<[[[[[[[[! 1:9 nested too deeply");
  CHECK(events_of("{\"a\": \"hunter2") == "<{'a@1:2 ! 1:15 the text ends too early");
  CHECK(events_of("{\n \"\xff\"}") == "! 2:3 not UTF-8");
}

}  // namespace
}  // namespace tantalus::json
