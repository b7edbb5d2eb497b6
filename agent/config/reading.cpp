// SPDX-License-Identifier: Apache-2.0
#include "agent/config/reading.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "agent/config/expand.h"
#include "agent/config/units.h"

namespace tantalus {
namespace {

// One mistake can lead to many; more than this help nobody.
constexpr std::size_t max_refusals = 100;
constexpr std::size_t max_shown_text = 64;
constexpr std::size_t max_shown_key = 256;
constexpr std::size_t max_shown_what = 1024;

/// On one line, and cut between two characters.
std::string printable(std::string_view text, std::size_t most) {
  std::string shown(text.substr(0, most));
  if (text.size() > most) {
    while (!shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xC0U) == 0x80U) {
      shown.pop_back();
    }
    shown += "…";
  }
  std::ranges::replace_if(shown, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return shown;
}

/// What stands in the file, as it stands there: a variable's value is not shown.
std::string describe(const yaml::Node& node) {
  if (node.is_mapping()) {
    return "a mapping";
  }
  if (node.is_sequence()) {
    return "a list";
  }
  if (node.is_null()) {
    return "nothing";
  }
  const std::string shown = printable(node.text, max_shown_text);
  return node.quoted ? "the text \"" + shown + "\"" : "`" + shown + "`";
}

bool has_control_character(std::string_view text) noexcept {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

}  // namespace

void ConfigReading::refuse(Position at, std::string_view key, std::string_view what) {
  if (refusals_.size() < max_refusals) {
    refusals_.push_back({at, printable(key, max_shown_key), printable(what, max_shown_what)});
  }
}

void ConfigReading::refuse_key(const std::string& key, std::string_view expected, std::string_view hint) {
  std::string around = key;
  while (!around.empty() && !places_.contains(around)) {
    const std::size_t end = around.find_last_of(".[");
    around.resize(end == std::string::npos ? 0 : end);
  }
  const auto place = places_.find(around);
  const std::string found = around == key ? describe(*place->second) : "its default";
  refuse(place == places_.end() ? Position{1, 1} : place->second->at, key,
         "expected " + std::string(expected) + "; found " + found + (hint.empty() ? "" : ". ") + std::string(hint));
}

std::vector<ConfigRefusal> ConfigReading::take_refusals() {
  std::ranges::sort(refusals_, {}, [](const ConfigRefusal& r) { return std::tuple(r.at.line, r.at.column); });
  return std::move(refusals_);
}

Value Value::key(const yaml::Node::Entry& entry) const {
  Value child(reading_, entry.value, path_.empty() ? entry.key.text : path_ + "." + entry.key.text);
  reading_.note(child.path_, entry.value);
  return child;
}

Value Value::item(std::size_t index) const {
  Value child(reading_, node_.items[index], path_ + "[" + std::to_string(index) + "]");
  reading_.note(child.path_, child.node_);
  return child;
}

void Value::refuse_expected(std::string_view expected, std::string_view hint) const {
  std::string what = "expected " + std::string(expected) + "; found " + describe(node_);
  if (!hint.empty()) {
    what += ". " + std::string(hint);
  }
  refuse(what);
}

std::optional<std::string> Value::scalar(std::string_view expected) const {
  if (!node_.is_scalar() || node_.is_null()) {
    refuse_expected(expected, node_.is_null() ? "A text that is empty is written \"\"" : "");
    return std::nullopt;
  }
  std::expected<std::string, std::string> text = expand_variables(node_.text, reading_.environment());
  if (!text) {
    refuse(text.error());
    return std::nullopt;
  }
  return std::move(*text);
}

void Value::read(bool& into) const {
  constexpr std::string_view expected = "true or false";
  const std::optional<std::string> text = scalar(expected);
  if (!text) {
    return;
  }
  if (node_.quoted || (*text != "true" && *text != "false")) {
    refuse_expected(expected, node_.quoted ? "Write it without quotes" : "");
    return;
  }
  into = *text == "true";
}

void Value::read(std::uint32_t& into, Range<std::uint32_t> range) const {
  const std::string expected = "a number from " + std::to_string(range.min) + " to " + std::to_string(range.max);
  const std::optional<std::string> text = scalar(expected);
  if (!text) {
    return;
  }
  const std::optional<std::uint64_t> number = parse_number(*text);
  if (node_.quoted || !number || *number < range.min || *number > range.max) {
    refuse_expected(expected, node_.quoted && number ? "Write it without quotes" : "");
    return;
  }
  into = static_cast<std::uint32_t>(*number);
}

void Value::read(Millis& into, Range<Millis> range) const {
  const std::string expected = "a duration from " + format_duration(range.min) + " to " + format_duration(range.max);
  const std::optional<std::string> text = scalar(expected);
  if (!text) {
    return;
  }
  const std::optional<Millis> duration = parse_duration(*text);
  if (!duration) {
    refuse_expected(expected, "It is a whole number and one unit, such as 250ms, 30s, 5m, 1h or 90d");
    return;
  }
  if (*duration < range.min || *duration > range.max) {
    refuse_expected(expected);
    return;
  }
  into = *duration;
}

void Value::read_size(std::size_t& into, Range<std::size_t> range) const {
  const std::string expected = "a size from " + format_size(range.min) + " to " + format_size(range.max);
  const std::optional<std::string> text = scalar(expected);
  if (!text) {
    return;
  }
  const std::optional<std::uint64_t> size = parse_size(*text);
  if (!size) {
    refuse_expected(expected, "It is a whole number and one of the units B, KiB, MiB and GiB, such as 64KiB or 16MiB");
    return;
  }
  if (*size < range.min || *size > range.max) {
    refuse_expected(expected);
    return;
  }
  into = static_cast<std::size_t>(*size);
}

void Value::read_percent(std::uint32_t& into) const {
  constexpr std::string_view expected = "a share from 1% to 100%";
  const std::optional<std::string> text = scalar(expected);
  if (!text) {
    return;
  }
  const std::optional<std::uint32_t> percent = parse_percent(*text);
  if (!percent) {
    refuse_expected(expected);
    return;
  }
  into = *percent;
}

void Value::read_text(std::string& into, std::string_view expected, bool (*accepts)(std::string_view)) const {
  std::optional<std::string> text = scalar(expected);
  if (!text) {
    return;
  }
  if (has_control_character(*text) || !accepts(*text)) {
    refuse_expected(expected);
    return;
  }
  into = std::move(*text);
}

void Value::read_text(std::optional<std::string>& into, std::string_view expected,
                      bool (*accepts)(std::string_view)) const {
  // Set even when it is refused: whether the key is there is asked again, and should not be answered twice.
  into.emplace();
  read_text(*into, expected, accepts);
}

void Value::read_text_or_empty(std::string& into, std::string_view expected, bool (*accepts)(std::string_view)) const {
  const std::string or_empty = std::string(expected) + ", or \"\"";
  std::optional<std::string> text = scalar(or_empty);
  if (!text) {
    return;
  }
  if (has_control_character(*text) || (!text->empty() && !accepts(*text))) {
    refuse_expected(or_empty);
    return;
  }
  into = std::move(*text);
}

std::vector<Value> Value::list(std::string_view expected) const {
  std::vector<Value> items;
  if (!node_.is_sequence()) {
    refuse_expected("a list of " + std::string(expected));
    return items;
  }
  for (std::size_t i = 0; i < node_.items.size(); ++i) {
    items.push_back(item(i));
  }
  return items;
}

std::vector<Value::Named> Value::map(std::string_view expected) const {
  std::vector<Named> values;
  if (!node_.is_mapping()) {
    refuse_expected("a mapping from " + std::string(expected));
    return values;
  }
  for (const yaml::Node::Entry& entry : node_.entries) {
    values.push_back({entry.key.text, key(entry)});
  }
  return values;
}

std::string join_words(std::span<const std::string_view> words) {
  std::string joined;
  for (std::size_t i = 0; i < words.size(); ++i) {
    joined += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    joined += words[i];
  }
  return joined;
}

}  // namespace tantalus
