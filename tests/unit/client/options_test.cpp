// SPDX-License-Identifier: Apache-2.0
#include "client/cli/options.h"

#include "tests/support/catch.h"

using namespace tantalus::cli;
using tantalus::Millis;

namespace {

struct Parsed {
  Common common;
  std::optional<std::string> format;
  std::vector<std::string> list;
  std::uint32_t number = 0;
  std::string operands;
  std::string problem;
};

Parsed parse(std::vector<std::string> words, bool stops = false) {
  Parsed parsed;
  Options options("get");
  parsed.common.add_to(options);
  options.text("format", parsed.format, 'f').list("env", parsed.list).number("count", parsed.number);
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  const Outcome<std::vector<std::string>> operands = options.parse(pointers, stops);
  if (!operands) {
    parsed.problem = operands.error().why;
    CHECK(operands.error().exit == exit_code::usage);
    return parsed;
  }
  for (const std::string& operand : *operands) {
    parsed.operands += operand + "|";
  }
  return parsed;
}

}  // namespace

TEST_CASE("options stand anywhere among the operands, in every spelling", "[client]") {
  const Parsed parsed = parse({"a", "--format=json", "-q", "b", "--socket", "/s", "--", "--c"});
  CHECK(parsed.operands == "a|b|--c|");
  CHECK(parsed.format == "json");
  CHECK(parsed.common.quiet);
  CHECK(parsed.common.socket == "/s");
  CHECK(parse({"-f", "json"}).format == "json");
  CHECK(parse({"--env", "a", "--env=b"}).list == std::vector<std::string>{"a", "b"});
}

TEST_CASE("where the first operand ends the options what follows is left alone", "[client]") {
  CHECK(parse({"--env", "x", "ls", "-q", "--format", "y"}, true).operands == "ls|-q|--format|y|");
  CHECK(parse({"--", "--help"}, true).operands == "--help|");
}

TEST_CASE("a bad option is named", "[client]") {
  CHECK(parse({"--nonsense"}).problem == "unknown option --nonsense");
  CHECK(parse({"-x"}).problem == "unknown option -x");
  CHECK(parse({"--format"}).problem == "--format needs a value");
  CHECK(parse({"--quiet=yes"}).problem == "--quiet takes no value");
  CHECK(parse({"--count", "three"}).problem == "--count is a whole number");
  CHECK(parse({"--wait", "30"}).problem == "--wait is a duration, such as 250ms, 30s, 5m, 1h or 90d");
}

TEST_CASE("durations are a number and a unit", "[client]") {
  CHECK(duration_from_text("250ms") == Millis{250});
  CHECK(duration_from_text("30s") == Millis{30'000});
  CHECK(duration_from_text("5m") == Millis{300'000});
  CHECK(duration_from_text("1h") == Millis{3'600'000});
  CHECK(duration_from_text("90d") == Millis{7'776'000'000});
  CHECK(duration_from_text("0") == Millis{0});
  for (const char* text : {"", "s", "5", "-1s", "1.5s", "5 s", "5S", "5sec", "99999999999999999999s", "9999999d"}) {
    INFO(text);
    CHECK_FALSE(duration_from_text(text));
  }
}
