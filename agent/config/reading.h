// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/codec/yaml.h"
#include "protocol/instant.h"

/// How a YAML tree becomes plain values: a table of keys for each section (schema.h), and these readers for what stands
/// at them. A reader that refuses leaves its target as it was.
namespace tantalus {

/// A variable of the environment; unset: there is none of that name.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// One thing that is wrong with a configuration.
struct ConfigRefusal {
  Position at;
  std::string key;   ///< Its whole path, `identity.domains[2].user`; empty: the file itself.
  std::string what;  ///< What was expected, what was found, and what to do.
};

/// What is known while one text is read: what was refused, and where each key stands.
class ConfigReading {
 public:
  explicit ConfigReading(const Environment& environment) : environment_(environment) {}

  void refuse(Position at, std::string_view key, std::string_view what);
  /// For what spans several keys: `expected X; found Y` at a key that was read, or at the nearest key around one that
  /// wasn't, whose default is what was found.
  void refuse_key(const std::string& key, std::string_view expected, std::string_view hint = {});
  void note(const std::string& key, const yaml::Node& node) { places_.emplace(key, &node); }
  [[nodiscard]] bool is_set(const std::string& key) const { return places_.contains(key); }
  /// How much was refused: what spans several keys is looked at only where each of them could be read.
  [[nodiscard]] std::size_t refusals() const noexcept { return refusals_.size(); }
  [[nodiscard]] const Environment& environment() const noexcept { return environment_; }
  /// In the order of the file.
  [[nodiscard]] std::vector<ConfigRefusal> take_refusals();

 private:
  const Environment& environment_;
  std::map<std::string, const yaml::Node*> places_;  // Of the tree, which outlives this.
  std::vector<ConfigRefusal> refusals_;
};

template <class T>
struct Range {
  T min;
  T max;
};

template <class E>
struct Choice {
  std::string_view name;
  E value;
};

/// One node of the tree and the path that leads to it.
class Value {
 public:
  Value(ConfigReading& reading, const yaml::Node& node, std::string path)
      : reading_(reading), node_(node), path_(std::move(path)) {}

  [[nodiscard]] const yaml::Node& node() const noexcept { return node_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] ConfigReading& reading() const noexcept { return reading_; }
  [[nodiscard]] Value key(const yaml::Node::Entry& entry) const;
  [[nodiscard]] Value item(std::size_t index) const;

  /// `expected X; found Y`, and a hint in a sentence of its own.
  void refuse_expected(std::string_view expected, std::string_view hint = {}) const;
  void refuse(std::string_view what) const { reading_.refuse(node_.at, path_, what); }

  void read(bool& into) const;
  void read(std::uint32_t& into, Range<std::uint32_t> range) const;
  void read(Millis& into, Range<Millis> range) const;
  void read_size(std::size_t& into, Range<std::size_t> range) const;
  void read_percent(std::uint32_t& into) const;
  /// Text without control characters; `accepts` says whether it is what `expected` describes.
  void read_text(std::string& into, std::string_view expected, bool (*accepts)(std::string_view)) const;
  void read_text(std::optional<std::string>& into, std::string_view expected, bool (*accepts)(std::string_view)) const;
  /// As read_text(), where an empty text is right too.
  void read_text_or_empty(std::string& into, std::string_view expected, bool (*accepts)(std::string_view)) const;
  template <class E, std::size_t N>
  void read_choice(E& into, const std::array<Choice<E>, N>& choices) const;
  /// The text of a scalar, its variables replaced; refuses by itself what is none.
  [[nodiscard]] std::optional<std::string> scalar(std::string_view expected) const;
  /// Its items; refuses by itself what is no list.
  [[nodiscard]] std::vector<Value> list(std::string_view expected) const;
  /// The values of a map whose keys are free, each with its key; refuses by itself what is none.
  struct Named;
  [[nodiscard]] std::vector<Named> map(std::string_view expected) const;

 private:
  ConfigReading& reading_;
  const yaml::Node& node_;
  std::string path_;
};

struct Value::Named {
  std::string name;
  Value value;
};

/// A key of a section: how it is read, and for a section of its own how its keys are listed.
template <class T>
struct Key {
  std::string_view name;
  void (*read)(const Value& value, T& into);
  void (*list)(std::vector<std::string>& out, const std::string& path) = nullptr;
};

/// Reads the mapping at `value`, whose keys `keys` lists; anything else in it is refused. Nothing at all is an empty
/// one.
template <class T, std::size_t N>
void read_section(const Value& value, const std::array<Key<T>, N>& keys, T& into);

/// Appends the full path of each key, `PREFIX.name`.
template <class T, std::size_t N>
void list_section(std::vector<std::string>& out, const std::string& prefix, const std::array<Key<T>, N>& keys) {
  for (const Key<T>& key : keys) {
    const std::string path = prefix.empty() ? std::string(key.name) : prefix + "." + std::string(key.name);
    if (key.list != nullptr) {
      key.list(out, path);
    } else {
      out.push_back(path);
    }
  }
}

/// `a, b or c`.
[[nodiscard]] std::string join_words(std::span<const std::string_view> words);

/// Refuses a key that no table lists: it names one that is spelt alike, or the section where such a key belongs.
void refuse_unknown_key(const Value& section, const yaml::Node& key, std::span<const std::string_view> known);

// What follows is the templates' part.

template <class T, std::size_t N>
void read_section(const Value& value, const std::array<Key<T>, N>& keys, T& into) {
  if (value.node().is_null()) {
    return;
  }
  std::array<std::string_view, N> names;
  for (std::size_t i = 0; i < N; ++i) {
    names[i] = keys[i].name;
  }
  if (!value.node().is_mapping()) {
    value.refuse_expected("a mapping with keys such as `" + std::string(names[0]) + "`");
    return;
  }
  for (const yaml::Node::Entry& entry : value.node().entries) {
    bool known = false;
    for (const Key<T>& key : keys) {
      if (key.name == entry.key.text) {
        known = true;
        key.read(value.key(entry), into);
      }
    }
    if (!known) {
      refuse_unknown_key(value, entry.key, names);
    }
  }
}

template <class E, std::size_t N>
void Value::read_choice(E& into, const std::array<Choice<E>, N>& choices) const {
  std::array<std::string_view, N> names;
  for (std::size_t i = 0; i < N; ++i) {
    names[i] = choices[i].name;
  }
  const std::optional<std::string> text = scalar(join_words(names));
  if (!text) {
    return;
  }
  for (const Choice<E>& choice : choices) {
    if (choice.name == *text) {
      into = choice.value;
      return;
    }
  }
  refuse_expected(join_words(names));
}

}  // namespace tantalus
