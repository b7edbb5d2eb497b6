// SPDX-License-Identifier: Apache-2.0
#include "agent/config/expand.h"

#include <map>
#include <string>

#include "tests/support/catch.h"

using namespace tantalus;

namespace {

std::optional<std::string> lookup(const std::string& name) {
  static const std::map<std::string, std::string> variables{
      {"NODE", "n1"}, {"EMPTY", ""}, {"_x9", "y"}, {"NESTED", "${NODE}"}};
  const auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional(found->second);
}

std::string expand(std::string_view text) {
  const auto result = expand_variables(text, lookup);
  return result ? *result : "!" + result.error();
}

}  // namespace

TEST_CASE("variables are replaced where they stand") {
  CHECK(expand("plain") == "plain");
  CHECK(expand("").empty());
  CHECK(expand("${NODE}") == "n1");
  CHECK(expand("a-${NODE}-${_x9}.b") == "a-n1-y.b");
  CHECK(expand("${EMPTY}").empty());
  CHECK(expand("${NODE:-other}") == "n1");
  CHECK(expand("${EMPTY:-other}") == "other");
  CHECK(expand("${MISSING:-}").empty());
  CHECK(expand("${MISSING:-a:-b}") == "a:-b");
  CHECK(expand("${NESTED}") == "${NODE}");  // Once: a variable's value is no template.
  CHECK(expand("$NODE $ $$ {NODE} 5$") == "$NODE $ $$ {NODE} 5$");
}

TEST_CASE("a variable that is not set is named, its neighbours' values are not") {
  const std::string said = expand("${NODE} ${MISSING}");
  CHECK(said.find("MISSING is not set") != std::string::npos);
  CHECK(said.find("n1") == std::string::npos);
  CHECK(expand("${NODE").starts_with("!"));
  CHECK(expand("${}").starts_with("!"));
  CHECK(expand("${9A}").starts_with("!"));
  CHECK(expand("${A B}").starts_with("!"));
  CHECK(expand("${A-b}").starts_with("!"));
}
