// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml_words.h"

#include <array>

namespace tantalus::yaml {
namespace {

struct Row {
  std::string_view begins;  // Matched without regard to what follows, which may be of the text.
  std::string_view ours;
};

// The first that fits counts. The left side is read off libfyaml's fy-parse.c.
constexpr std::array table{
    Row{"could not find expected ':'", "a ':' after the key is missing"},
    Row{"missing ':'", "a ':' after the key is missing"},
    Row{"did not find expected key", "a key is expected here; is the indentation right, or a quote missing?"},
    Row{"did not find expected node content", "a value is expected here"},
    Row{"did not find expected '-'", "a '-' is expected here; is the indentation right?"},
    Row{"Did not find expected stream end", "something follows that belongs to nothing; is the indentation right?"},
    Row{"invalid mapping key (not allowed", "a key can't stand here"},
    Row{"invalid mapping", "a mapping can't begin here; a value with ': ' in it needs quotes"},
    Row{"invalid multiline", "a key can't go over several lines; is a ':' or a quote missing?"},
    Row{"invalid block mapping key", "two keys on one line"},
    Row{"invalid value after mapping", "a value that belongs to no key"},
    Row{"invalid nested block mapping", "two keys on one line; a value with ': ' in it needs quotes"},
    Row{"invalid indentation in mapping", "wrong indentation in a mapping"},
    Row{"wrong indendation", "wrong indentation in a list"},
    Row{"wrongly indented", "wrong indentation"},
    Row{"block scalar with wrongly indented", "wrong indentation in a block of text"},
    Row{"empty block scalar with wrongly", "wrong indentation in a block of text"},
    Row{"block scalar is malformed UTF8", "not UTF-8"},
    Row{"block sequence", "a '-' can't stand here"},
    Row{"illegal block sequence", "a '-' can't stand here"},
    Row{"tab character", "a tab where spaces must indent"},
    Row{"invalid tab", "a tab where spaces must indent"},
    Row{"cannot use tab", "a tab where spaces must indent"},
    Row{"Indentation used tabs", "a tab where spaces must indent"},
    Row{"missing comma in flow", "a ',' is missing between the items"},
    Row{"flow sequence with invalid", "a ',' too many"},
    Row{"flow sequence without a closing", "a ']' is missing"},
    Row{"mismatched flow", "brackets that don't match"},
    Row{"flow ", "a closing bracket too many"},
    Row{"invalid trailing content", "text after a closing quote"},
    Row{"invalid comment", "a comment needs a space before its '#'"},
    Row{"undefined tag prefix", "an unknown tag"},
    Row{"invalid tag", "a tag that is no tag"},
    Row{"missing whitespace after TAG", "a tag that is no tag"},
    Row{"two anchors", "anchors and aliases are refused"},
    Row{"invalid combination of anchor", "anchors and aliases are refused"},
    Row{"unexpected alias", "anchors and aliases are refused"},
    Row{"missing document start", "a '---' is expected here"},
    Row{"missing explicit document end", "a '...' or '---' is expected before the directive"},
    Row{"invalid content after document end", "text after the end of the document"},
    Row{"invalid document", "a '---' or '...' inside a value"},
    Row{"invalid directive", "a directive that can't stand here"},
    Row{"illegal unicode", "a character that YAML forbids"},
    Row{"invalid character", "a character that can't stand here"},
    Row{"partial character", "not UTF-8"},
    Row{"Illegal placement of ':'", "a ':' that can't stand here; a value with ': ' in it needs quotes"},
};

}  // namespace

std::string_view words_for(std::string_view libfyaml_message) noexcept {
  for (const Row& row : table) {
    if (libfyaml_message.starts_with(row.begins)) {
      return row.ours;
    }
  }
  return "not valid YAML";
}

}  // namespace tantalus::yaml
