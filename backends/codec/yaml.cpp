// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml.h"

#include <functional>
#include <set>
#include <utility>

namespace tantalus::yaml {
namespace {

/// Builds the tree of one document. Recursion is bounded by the stream's depth.
class Builder {
 public:
  Builder(std::string_view text, Limits limits) : stream_(text, limits.depth), nodes_left_(limits.nodes) {}

  Parsed<Node> document() {
    Parsed<Event> event = stream_.next();
    if (!event) {
      return std::unexpected(event.error());
    }
    if (event->kind == Event::Kind::stream_end) {
      Node nothing;
      nothing.at = {1, 1};
      return nothing;
    }
    event = stream_.next();
    if (!event) {
      return std::unexpected(event.error());
    }
    Parsed<Node> root = node(*event);
    if (!root) {
      return root;
    }
    event = stream_.next();
    if (event) {
      event = stream_.next();
    }
    if (!event) {
      return std::unexpected(event.error());
    }
    if (event->kind != Event::Kind::stream_end) {
      return refuse(event->at, "one document is expected, and here a second begins");
    }
    return root;
  }

 private:
  Parsed<Node> node(const Event& event) {
    if (nodes_left_ == 0) {
      return refuse(event.at, "too many values in one document");
    }
    --nodes_left_;
    Node made;
    made.at = event.at;
    switch (event.kind) {
      case Event::Kind::scalar:
        if (event.tag == Tag::binary) {
          return refuse(event.at, "the tag !!binary has no meaning here");
        }
        made.text = event.text;
        made.quoted = !event.plain || event.tag == Tag::str;
        return made;
      case Event::Kind::sequence_start:
        made.kind = Node::Kind::sequence;
        return items(std::move(made));
      case Event::Kind::mapping_start:
        made.kind = Node::Kind::mapping;
        return entries(std::move(made));
      default:
        return refuse(event.at, "a value is expected");
    }
  }

  Parsed<Node> items(Node made) {
    while (true) {
      Parsed<Event> event = stream_.next();
      if (!event) {
        return std::unexpected(event.error());
      }
      if (event->kind == Event::Kind::sequence_end) {
        return made;
      }
      Parsed<Node> item = node(*event);
      if (!item) {
        return item;
      }
      made.items.push_back(std::move(*item));
    }
  }

  Parsed<Node> entries(Node made) {
    std::set<std::string, std::less<>> seen;
    while (true) {
      Parsed<Event> event = stream_.next();
      if (!event) {
        return std::unexpected(event.error());
      }
      if (event->kind == Event::Kind::mapping_end) {
        return made;
      }
      if (event->kind != Event::Kind::scalar) {
        return refuse(event->at, "a key must be a word, not a list or a mapping");
      }
      Parsed<Node> key = node(*event);
      if (!key) {
        return key;
      }
      if (!seen.insert(key->text).second) {
        return refuse(key->at, "duplicate key");
      }
      event = stream_.next();
      if (!event) {
        return std::unexpected(event.error());
      }
      Parsed<Node> value = node(*event);
      if (!value) {
        return value;
      }
      made.entries.push_back({std::move(*key), std::move(*value)});
    }
  }

  EventStream stream_;
  std::size_t nodes_left_;
};

}  // namespace

const Node* Node::find(std::string_view key) const noexcept {
  for (const Entry& entry : entries) {
    if (entry.key.text == key) {
      return &entry.value;
    }
  }
  return nullptr;
}

Parsed<Node> parse_document(std::string_view text, Limits limits) {
  if (text.size() > limits.bytes) {
    return refuse({1, 1}, "the file is larger than " + std::to_string(limits.bytes) + " bytes");
  }
  return Builder(text, limits).document();
}

}  // namespace tantalus::yaml
