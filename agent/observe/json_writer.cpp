// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/json_writer.h"

#include <cstddef>

namespace tantalus {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// Bytes of the UTF-8 sequence (RFC 3629) at the beginning of `text`; 0 where it is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0U;
  std::size_t length = 0;
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) {  // Overlong; surrogates.
      return 0;
    }
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) {  // Overlong; past U+10FFFF.
      return 0;
    }
  }
  if (length == 0 || text.size() < length) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) {
      return 0;
    }
  }
  return length;
}

}  // namespace

JsonWriter& JsonWriter::name(std::string_view name) {
  separate();
  quote(name);
  out_ += ':';
  wants_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  quote(text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  separate();
  out_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  wants_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  wants_comma_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (wants_comma_) {
    out_ += ',';
  }
  wants_comma_ = true;
}

void JsonWriter::quote(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out_ += '"';
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      out_ += replacement;
      text.remove_prefix(1);
      continue;
    }
    if (first == '"' || first == '\\') {
      out_ += '\\';
      out_ += text[0];
    } else if (first < 0x20 || first == 0x7F) {
      out_ += "\\u00";
      out_ += hex[first >> 4U];
      out_ += hex[first & 0xFU];
    } else {
      out_ += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out_ += '"';
}

}  // namespace tantalus
