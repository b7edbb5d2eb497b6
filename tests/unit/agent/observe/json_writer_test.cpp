// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/json_writer.h"

#include <cstdint>
#include <limits>
#include <string>

#include "tests/support/catch.h"

using namespace tantalus;

namespace {

std::string quoted(std::string_view text) {
  JsonWriter json;
  json.value(text);
  return json.text();
}

}  // namespace

TEST_CASE("objects and arrays nest, with commas where they belong") {
  JsonWriter json;
  json.begin_object().name("a").begin_array().end_array().name("b").begin_object().end_object();
  json.name("c").begin_array().value(1).value("x").value(true).null().begin_object().member("d", false).end_object();
  json.end_array().member("e", "f").end_object();
  CHECK(json.text() == R"({"a":[],"b":{},"c":[1,"x",true,null,{"d":false}],"e":"f"})");
}

TEST_CASE("numbers keep all their digits") {
  JsonWriter json;
  json.begin_array().value(std::numeric_limits<std::uint64_t>::max()).value(std::numeric_limits<std::int64_t>::min());
  json.end_array();
  CHECK(json.text() == "[18446744073709551615,-9223372036854775808]");
}

TEST_CASE("what would end or break a text is escaped", "[trap-116]") {
  CHECK(quoted("a\"b\\c") == R"("a\"b\\c")");
  CHECK(quoted(std::string_view("\0\n\x1f\x7f", 4)) == R"("\u0000\u000a\u001f\u007f")");
  CHECK(quoted("</script>") == "\"</script>\"");
}

TEST_CASE("UTF-8 passes and anything else becomes the replacement character", "[promise-14]") {
  CHECK(quoted("ä€😀") == "\"ä€😀\"");
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(quoted("\xff") == "\"" + bad + "\"");
  CHECK(quoted("\xC0\xAF") == "\"" + bad + bad + "\"");                      // Overlong.
  CHECK(quoted("\xE0\x80\x80") == "\"" + bad + bad + bad + "\"");            // Overlong.
  CHECK(quoted("\xED\xA0\x80") == "\"" + bad + bad + bad + "\"");            // A surrogate.
  CHECK(quoted("\xF4\x90\x80\x80") == "\"" + bad + bad + bad + bad + "\"");  // Past the last code point.
  CHECK(quoted("\xE2\x82") == "\"" + bad + bad + "\"");                      // Cut.
  CHECK(quoted("\xE2\x82x") == "\"" + bad + bad + "x\"");
}
