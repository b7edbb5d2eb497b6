// SPDX-License-Identifier: Apache-2.0
#include "client/cli/env_file.h"

#include "tests/support/catch.h"

using namespace tantalus::cli;

namespace {

std::string outline(std::string_view text) {
  const Outcome<std::vector<Variable>> variables = parse_env_file(text, "f");
  if (!variables) {
    return variables.error().what + ": " + variables.error().why;
  }
  std::string out;
  for (const Variable& variable : *variables) {
    out += "<" + variable.name + "|" + variable.value + ">";
  }
  return out;
}

}  // namespace

TEST_CASE("lines are NAME=VALUE, taken as they stand", "[client]") {
  CHECK(outline("").empty());
  CHECK(outline("A=1\nB=two words \nC=") == "<A|1><B|two words ><C|>");
  CHECK(outline("# comment\n\n  # another\n  A=1\r\n") == "<A|1>");
  CHECK(outline("A='quoted' # no comment") == "<A|'quoted' # no comment>");
  CHECK(outline("A=b=c") == "<A|b=c>");
  CHECK(outline("A=tantalus:///k#f") == "<A|tantalus:///k#f>");
}

TEST_CASE("what is no such line is refused with its place", "[client]") {
  CHECK(outline("A=1\nnonsense\n") == "f:2: there is no =");
  CHECK(outline("=x") == "f:1: what stands before = is no name");
  CHECK(outline("export A=x") == "f:1: what stands before = is no name");
  CHECK(outline(std::string_view("A=x\0y", 5)) == "f:1: there is a NUL byte");
}
