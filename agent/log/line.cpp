// SPDX-License-Identifier: Apache-2.0
#include "agent/log/line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "backends/codec/utf8.h"

namespace tantalus {
namespace {

constexpr std::string_view hex = "0123456789abcdef";

/// The code point of one UTF-8 character, already checked.
std::uint32_t decode(std::string_view character) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(character[i])); };
  switch (character.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
    case 3:
      return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    default:
      return (byte(0) & 0x07U) << 18U | (byte(1) & 0x3FU) << 12U | (byte(2) & 0x3FU) << 6U | (byte(3) & 0x3FU);
  }
}

/// Control characters of ASCII and Latin-1, line and paragraph separators, and the marks that reorder text
/// (UAX #9, "Trojan Source").
bool is_unsafe(std::uint32_t point) noexcept {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x200E || point == 0x200F ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

void append_u_escape(std::string& out, std::uint32_t point) {
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out += hex[point >> shift & 0xFU];
  }
}

/// The short form that text and JSON share; zero: there is none.
char short_escape(char c) noexcept {
  switch (c) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

bool has_room(const std::string& out) noexcept {
  return out.size() < max_log_line;
}

void append_escaped(std::string& out, std::string_view text, bool quoted, bool json) {
  for (std::size_t i = 0; i < text.size();) {
    if (!has_room(out)) {
      out += "…";
      return;
    }
    const std::size_t length = utf8_length_at(text, i);
    const char c = text[i];
    if (length == 0) {
      if (json) {
        out += "\\ufffd";
      } else {
        const auto byte = static_cast<unsigned char>(c);
        out += "\\x";
        out += hex[byte >> 4U];
        out += hex[byte & 0xFU];
      }
      ++i;
      continue;
    }
    const std::string_view character = text.substr(i, length);
    i += length;
    if (const char brief = short_escape(c); brief != 0) {
      out += '\\';
      out += brief;
    } else if (c == '"' && quoted) {
      out += "\\\"";
    } else if (const std::uint32_t point = decode(character); is_unsafe(point)) {
      append_u_escape(out, point);
    } else {
      out += character;
    }
  }
}

void append_number(std::string& out, auto number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

bool needs_quotes(std::string_view text) noexcept {
  return text.empty() || std::ranges::any_of(text, [](char c) { return c == ' ' || c == '"' || c == '='; });
}

void append_value(std::string& out, const LogField::Value& value, bool json) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    const bool quoted = json || needs_quotes(*text);
    if (quoted) {
      out += '"';
    }
    append_escaped(out, *text, quoted, json);
    if (quoted) {
      out += '"';
    }
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    out += *truth ? "true" : "false";
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    append_number(out, *number);
  } else if (const auto* count = std::get_if<std::uint64_t>(&value)) {
    append_number(out, *count);
  }
}

}  // namespace

void append_text_line(std::string& out, std::string_view message, Log::Fields fields) {
  append_escaped(out, message, false, false);
  for (const LogField& field : fields) {
    if (!has_room(out)) {
      return;
    }
    out += ' ';
    append_escaped(out, field.name(), false, false);
    out += '=';
    append_value(out, field.value(), false);
  }
}

void append_json_members(std::string& out, std::string_view message, Log::Fields fields) {
  out += "\"message\":\"";
  append_escaped(out, message, true, true);
  out += '"';
  for (const LogField& field : fields) {
    if (!has_room(out)) {
      return;
    }
    out += ",\"";
    append_escaped(out, field.name(), true, true);
    out += "\":";
    append_value(out, field.value(), true);
  }
}

}  // namespace tantalus
