// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/codec/problem.h"
#include "backends/codec/yaml_events.h"

/// YAML that holds no secrets (configuration), as a tree with the place of every node. Secret manifests are read by
/// EventStream, which keeps their bytes in locked memory.
namespace tantalus::yaml {

struct Limits {
  std::size_t bytes = std::size_t{1} << 20U;
  std::size_t depth = 32;
  std::size_t nodes = 65536;
};

class Node {
 public:
  enum class Kind : std::uint8_t { scalar, sequence, mapping };
  struct Entry;

  Kind kind = Kind::scalar;
  std::string text;            ///< Of a scalar, as it is meant (quotes and escapes undone).
  bool quoted = false;         ///< A scalar in quotes, a block scalar, or one tagged `!!str`: text whatever it says.
  std::vector<Node> items;     ///< Of a sequence.
  std::vector<Entry> entries;  ///< Of a mapping, in the text's order. Keys are scalars, and none stands twice.
  Position at;

  [[nodiscard]] bool is_scalar() const noexcept { return kind == Kind::scalar; }
  [[nodiscard]] bool is_sequence() const noexcept { return kind == Kind::sequence; }
  [[nodiscard]] bool is_mapping() const noexcept { return kind == Kind::mapping; }
  /// An unquoted scalar that says nothing, `~` or `null`.
  [[nodiscard]] bool is_null() const noexcept { return is_scalar() && !quoted && yaml::is_null(text); }
  /// The value of a mapping's key; null when it isn't there or this is no mapping.
  [[nodiscard]] const Node* find(std::string_view key) const noexcept;
};

struct Node::Entry {
  Node key;
  Node value;
};

/// Reads a text of one document. A text without one (empty, or comments alone) gives a null at 1:1; several are
/// refused. Duplicate keys, anchors, aliases, tags but the core schema's, and keys that are no scalars are refused.
[[nodiscard]] Parsed<Node> parse_document(std::string_view text, Limits limits = {});

}  // namespace tantalus::yaml
