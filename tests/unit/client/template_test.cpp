// SPDX-License-Identifier: Apache-2.0
#include "client/cli/template.h"

#include "tests/support/catch.h"

using namespace tantalus::cli;

namespace {

/// The template with `<n>` for its n-th reference.
std::string outline(const Template& parsed) {
  std::string out;
  for (const Template::Piece& piece : parsed.pieces) {
    out += piece.reference ? "<" + std::to_string(*piece.reference) + ">" : std::string(piece.text);
  }
  return out;
}

std::string outline(std::string_view text) {
  const Outcome<Template> parsed = parse_template(text, "t");
  return parsed ? outline(*parsed) : parsed.error().what + ": " + parsed.error().why;
}

}  // namespace

TEST_CASE("references in braces are cut out, all other text stays as it is", "[client][trap-133]") {
  CHECK(outline("").empty());
  CHECK(outline("plain { } {{ }} {{name}}\n") == "plain { } {{ }} {{name}}\n");
  CHECK(outline("a={{ tantalus:///k }}\nb={{tantalus://vault/p/q#f}};") == "a=<0>\nb=<1>;");
  CHECK(outline("{{{tantalus:///k}}}") == "{<0>}");
  CHECK(outline("{{\ttantalus:///k\t}}") == "<0>");
  CHECK(outline("tantalus:///outside {{ x tantalus:///k }}") == "tantalus:///outside {{ x tantalus:///k }}");
}

TEST_CASE("a reference that stands often is asked once", "[client]") {
  const Outcome<Template> parsed = parse_template("{{ tantalus:///a }}{{tantalus:///b}}{{ tantalus:///a}}", "t");
  REQUIRE(parsed);
  CHECK(outline(*parsed) == "<0><1><0>");
  REQUIRE(parsed->references.size() == 2);
  CHECK(parsed->references[0].uri == "tantalus:///a");
}

TEST_CASE("a bad reference is refused with its line and column", "[client]") {
  CHECK_THAT(outline("one\n two {{ tantalus://nowhere/k }}"), Catch::Matchers::StartsWith("t:2:6: "));
  CHECK(outline("{{ tantalus:///k") == "t:1:1: the braces of a reference are not closed on its line");
  CHECK(outline("\n{{ tantalus:///k \n}}") == "t:2:1: the braces of a reference are not closed on its line");
  CHECK_THAT(outline("{{ tantalus:///a b }}"), Catch::Matchers::StartsWith("t:1:1: "));
  CHECK_THAT(outline("{{ tantalus:x }}"), Catch::Matchers::StartsWith("t:1:1: "));
}
