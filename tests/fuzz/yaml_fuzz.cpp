// SPDX-License-Identifier: Apache-2.0
// A YAML text as a configuration's tree. It is refused at a place of the text, in words that aren't the text's, or
// every node keeps what the tree promises.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "backends/codec/utf8.h"
#include "backends/codec/yaml.h"
#include "protocol/error.h"

namespace {

using namespace tantalus;

constexpr yaml::Limits limits{.bytes = 1U << 16U, .depth = 16, .nodes = 4096};

void check_node(const yaml::Node& node, std::size_t depth, std::size_t& nodes) {
  check(node.at.line != 0 && node.at.column != 0, "every node has a place");
  check(depth <= limits.depth, "depth is bounded");
  check(++nodes <= limits.nodes, "the number of nodes is bounded");
  check(first_not_utf8(node.text) == node.text.size(), "scalars are UTF-8");
  check(node.is_scalar() || node.text.empty(), "only scalars have text");
  check(node.is_sequence() || node.items.empty(), "only sequences have items");
  check(node.is_mapping() || node.entries.empty(), "only mappings have entries");
  for (const yaml::Node& item : node.items) {
    check_node(item, depth + 1, nodes);
  }
  std::set<std::string_view> keys;
  for (const yaml::Node::Entry& entry : node.entries) {
    check(entry.key.is_scalar(), "keys are scalars");
    check(keys.insert(entry.key.text).second, "no key stands twice");
    check(node.find(entry.key.text) == &entry.value, "a key finds its value");
    check_node(entry.key, depth + 1, nodes);
    check_node(entry.value, depth + 1, nodes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const Parsed<yaml::Node> root = yaml::parse_document(text, limits);
  if (!root) {
    check(!root.error().what.empty(), "a refusal says why");
    check(root.error().at.line != 0 && root.error().at.column != 0, "a refusal has a place");
    return 0;
  }
  std::size_t nodes = 0;
  check_node(*root, 0, nodes);
  return 0;
}
