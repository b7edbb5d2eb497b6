// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml.h"

#include <random>
#include <string>
#include <vector>

#include "backends/codec/utf8.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace tantalus::yaml {
namespace {

Problem problem_of(std::string_view text, Limits limits = {}) {
  const Parsed<Node> parsed = parse_document(text, limits);
  REQUIRE_FALSE(parsed);
  return parsed.error();
}

TEST_CASE("a document becomes a tree that knows the place of every node") {
  const Parsed<Node> root = parse_document("a: 1\nb:\n  - x\n  - 'y z'\nc: {d: \"q\\n\"}\n");
  REQUIRE(root);
  CHECK(root->is_mapping());
  REQUIRE(root->entries.size() == 3);
  CHECK(root->entries[0].key.text == "a");
  CHECK(root->entries[0].value.text == "1");
  CHECK_FALSE(root->entries[0].value.quoted);
  CHECK(root->entries[0].value.at == Position{1, 4});
  const Node* list = root->find("b");
  REQUIRE(list != nullptr);
  REQUIRE(list->is_sequence());
  REQUIRE(list->items.size() == 2);
  CHECK(list->items[1].text == "y z");
  CHECK(list->items[1].quoted);
  CHECK(list->items[1].at == Position{4, 5});
  CHECK(root->entries[2].key.at == Position{5, 1});
  const Node* c = root->find("c");
  REQUIRE(c != nullptr);
  REQUIRE(c->find("d") != nullptr);
  CHECK(c->find("d")->text == "q\n");
  CHECK(root->find("e") == nullptr);
}

TEST_CASE("an empty text, comments alone and an explicit null are null") {
  for (const std::string_view text : {"", "# nothing\n", "~\n", "--- null\n", "---\n", "\n\n"}) {
    INFO(text);
    const Parsed<Node> root = parse_document(text);
    REQUIRE(root);
    CHECK(root->is_null());
  }
  const Parsed<Node> quoted = parse_document("'null'");
  REQUIRE(quoted);
  CHECK_FALSE(quoted->is_null());
}

TEST_CASE("a duplicate key is refused at its place") {
  CHECK(problem_of("a: 1\nb: 2\na: 3\n").at == Position{3, 1});
  CHECK(problem_of("x:\n  a: 1\n  'a': 3\n").at == Position{3, 3});
  CHECK(problem_of("{a: 1, \"a\": 2}").what == "duplicate key");
}

TEST_CASE("anchors, aliases and merges by them are refused") {
  CHECK(problem_of("a: &x 1\nb: 2\n").at == Position{1, 5});
  CHECK_THAT(problem_of("a: &x [1]\nb: *x\n").what, Catch::Matchers::ContainsSubstring("anchors"));
  CHECK_THAT(problem_of("b: *x\n").what, Catch::Matchers::ContainsSubstring("anchors"));
  CHECK_THAT(problem_of("base: &b {c: 1}\nd:\n  <<: *b\n").what, Catch::Matchers::ContainsSubstring("anchors"));
}

TEST_CASE("tags beyond the core schema are refused") {
  CHECK_THAT(problem_of("a: !ruby/object:Gem {}\n").what, Catch::Matchers::ContainsSubstring("tag"));
  CHECK_THAT(problem_of("a: !!python/object x\n").what, Catch::Matchers::ContainsSubstring("tag"));
  CHECK_THAT(problem_of("a: !!binary aGk=\n").what, Catch::Matchers::ContainsSubstring("binary"));
  const Parsed<Node> text = parse_document("a: !!str 12\n");
  REQUIRE(text);
  CHECK(text->find("a")->quoted);
}

TEST_CASE("depth, size and the number of nodes are bounded") {
  CHECK(parse_document("[[[1]]]", {.depth = 3}).has_value());
  CHECK_THAT(problem_of("[[[[1]]]]", {.depth = 3}).what, Catch::Matchers::ContainsSubstring("deeply"));
  CHECK_THAT(problem_of(std::string(100000, '[')).what, Catch::Matchers::ContainsSubstring("deeply"));
  CHECK_THAT(problem_of("[1, 2, 3]", {.nodes = 3}).what, Catch::Matchers::ContainsSubstring("too many"));
  CHECK_THAT(problem_of("aaaa", {.bytes = 3}).what, Catch::Matchers::ContainsSubstring("larger"));
}

TEST_CASE("a block of text that ends in a million blank lines is refused, not a stack overflow") {
  CHECK_THAT(problem_of("a: |-\n  x\n" + std::string(1000000, '\n'), {.bytes = 1U << 21U}).what,
             Catch::Matchers::ContainsSubstring("blank lines"));
  CHECK(parse_document("a: |-\n  x\n" + std::string(16000, '\n')).has_value());
}

TEST_CASE("a second document is refused") {
  CHECK(problem_of("a: 1\n---\nb: 2\n").at.line == 2);
  CHECK(parse_document("---\na: 1\n...\n").has_value());
}

TEST_CASE("a key that is no scalar is refused") {
  CHECK_THAT(problem_of("[a]: 1\n").what, Catch::Matchers::ContainsSubstring("key"));
  CHECK_THAT(problem_of("{{a: b}: 1}\n").what, Catch::Matchers::ContainsSubstring("key"));
}

TEST_CASE("explicit keys are refused before libfyaml sees them, question marks in texts are not", "[promise-14]") {
  for (const std::string_view text : {"? a\n: b\n", "?\n", "a: b\n?\tc\n", "- ? a\n", "{? a: b}", "[a, ? b]", "!t ? a",
                                      "&x ? a", "\"a\" ? b", "--- ? a",
                                      // It frees twice on this one.
                                      "? ua .:\t?\t \"i [ \" : c%o:[:\t&\t c:dcomment:[:\t&\t c:d"}) {
    CAPTURE(text);
    CHECK_THAT(problem_of(text).what, Catch::Matchers::ContainsSubstring("explicit keys"));
  }
  const Parsed<Node> root = parse_document("a: really? yes\nb: what ? no\nc: '?'\nd: http://x/?y=z\ne: x?\n# ? none\n");
  REQUIRE(root);
  CHECK(root->find("a")->text == "really? yes");
  CHECK(root->find("b")->text == "what ? no");
  CHECK(root->find("d")->text == "http://x/?y=z");
}

TEST_CASE("an error tells its place in our words, never in the text's", "[trap-137]") {
  const Problem tab = problem_of("a:\n\tb: hunter2\n");
  CHECK(tab.at.line == 2);
  for (const std::string_view text :
       {"password: hunter2: x\n", "a: [hunter2\n", "a: 'hunter2\n", "a: hunter2\n b: c\n", "a: *hunter2\n",
        "!hunter2! a: b", "%YAML hunter2\n---\nb: c\n", "a: \"\\hunter2\"\n", "hunter2\nb: c\n",
        "{hunter2: a, hunter2: b}", "- a\nhunter2: c", "a: !<hunter2 b", "a: \x01hunter2", "a: \xff\xfehunter2"}) {
    INFO(text);
    const Problem problem = problem_of(text);
    CHECK(problem.at.line > 0);
    CHECK(problem.at.column > 0);
    CHECK(problem.what.find("hunter2") == std::string::npos);
    CHECK_FALSE(problem.what.empty());
  }
}

/// A text in each style that can hold it, as a value of a mapping.
std::string single_quoted(std::string_view text) {
  std::string made = "'";
  for (const char c : text) {
    made += c;
    if (c == '\'') {
      made += c;
    } else if (c == '\n') {
      made += "\n  ";
    }
  }
  return made + "'";
}

std::string double_quoted(std::string_view text, bool escapes_all) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string made = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      made += {'\\', c};
    } else if (c == '\n') {
      made += "\\n";
    } else if (byte < 0x20 || (escapes_all && byte < 0x7f)) {
      made += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    } else {
      made += c;
    }
  }
  return made + "\"";
}

std::string literal(std::string_view text) {
  std::string made = "|2\n  ";
  for (const char c : text) {
    made += c;
    if (c == '\n') {
      made += "  ";
    }
  }
  return made;
}

TEST_CASE("every text comes back from every style that can hold it") {
  const unsigned long seed = test_seed();
  INFO("TANTALUS_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::vector<std::string> pieces{"a", "b",  "'", "''", "\"", "\\", " ", "  ", "#",        " #",
                                        ":", ": ", "-", "- ", "\t", "{",  "[", ",",  "\xc3\xa4", "\xf0\x9f\x98\x80",
                                        "%", "&",  "!", "|"};
  const auto value_of = [](const std::string& yaml) -> std::string {
    const Parsed<Node> root = parse_document("k: " + yaml + "\nl: end\n");
    if (!root) {
      return "refused: " + root.error().what;
    }
    if (root->find("l") == nullptr || root->find("l")->text != "end") {
      return "lost";
    }
    return root->find("k")->text;
  };
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    const std::size_t length = random() % 40;
    const std::size_t kinds = 1 + random() % pieces.size();
    for (std::size_t k = 0; k < length; ++k) {
      text += pieces[random() % kinds];
    }
    CAPTURE(text);
    REQUIRE(value_of(single_quoted(text)) == text);
    REQUIRE(value_of(double_quoted(text, false)) == text);
    REQUIRE(value_of(double_quoted(text, true)) == text);
    // Lines of a block of text, each behind its indentation; the last ends with a line break.
    std::string lines = "first\n";
    for (std::size_t k = 0; k < length % 5; ++k) {
      lines += pieces[random() % kinds] + text.substr(0, random() % (text.size() + 1)) + "x\n";
    }
    if (first_not_utf8(lines) == lines.size()) {
      CAPTURE(lines);
      REQUIRE(value_of(literal(lines)) == lines);
    }
  }
}

TEST_CASE("quoted texts and blocks of text are what YAML says, also where libfyaml is wrong") {
  struct Row {
    std::string_view yaml;
    std::string_view text;
  };
  const Row rows[] = {
      // Quotes in a row.
      {"''''", "'"},
      {"'a''''b'", "a''b"},
      {"''''''''", "'''"},
      // Folding.
      {"'a\n  b'", "a b"},
      {"'a  \n\n \n  \tb'", "a\n\nb"},
      {"\"a \\\n  b\"", "a b"},
      {"\"a\\t\n  b\"", "a\t b"},
      {"\"a\\\n\n  \\  b\"", "a\n  b"},
      {"\"\\x41\\u00e4\\U0001F600\\N\\_\\L\\P\\e\"",
       "A\xc3\xa4\xf0\x9f\x98\x80\xc2\x85\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9\x1b"},
      {"\"a\\0b\"", std::string_view("a\0b", 3)},
      {"a\n  b\n\n  c", "a b\nc"},
      // The end of a block, and of the file.
      {"|\n  a\n\n", "a\n"},
      {"|-\n  a\n\n", "a"},
      {"|+\n  a\n\n", "a\n\n"},
      {"|\n  a", "a"},
      {"|+\n  a", "a"},
      {">\n  a\n  b", "a b"},
      {"|\n  ", ""},
      {"|+\n\n\n", "\n\n"},
      {"|-\n\n", ""},
      // Indentation of its own.
      {"|2\n   a\n  b\n", " a\nb\n"},
      {"|2-\n\n    a\n   b\n", "\n  a\n b"},
      {"|\n    a\n      b\n    c\n", "a\n  b\nc\n"},
      {">\n  a\n\n    b\n\n  c\n  d\n", "a\n\n  b\n\nc d\n"},
      {">\n  a\n  b\n\n\n  c\n", "a b\n\nc\n"},
      {"|\n  \n  \tx\n", "\n\tx\n"},
      {"|\r\n  a\r\n  b\r\n", "a\nb\n"},
      {"|  # comment | >\n  a # no comment\n", "a # no comment\n"},
  };
  for (const Row& row : rows) {
    const std::string text = "k: " + std::string(row.yaml);
    CAPTURE(text);
    const Parsed<Node> root = parse_document(text);
    REQUIRE(root);
    CHECK(root->find("k")->text == row.text);
  }
}

TEST_CASE("a quoted text that can't be read is refused") {
  for (const std::string_view text :
       {"\"\\q\"", "\"\\x4\"", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"\\U00110000\"", "\"a", "'a", "'a'b'"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_document(text));
  }
}

}  // namespace
}  // namespace tantalus::yaml
