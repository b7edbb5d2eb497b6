// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tantalus {

/// Writes JSON (RFC 8259) into a string: commas and escapes are its business, nesting the caller's. Bytes that are no
/// UTF-8 become U+FFFD, so that its output always parses. Nothing secret goes through it.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& name(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(std::integral auto number) {
    separate();
    out_ += std::to_string(number);
    return *this;
  }
  JsonWriter& null();
  /// A member whose value is a text or a number.
  JsonWriter& member(std::string_view key, const auto& content) {
    name(key);
    return value(content);
  }

  [[nodiscard]] const std::string& text() const noexcept { return out_; }
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void quote(std::string_view text);
  std::string out_;
  bool wants_comma_ = false;
};

}  // namespace tantalus
