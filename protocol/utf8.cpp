// SPDX-License-Identifier: Apache-2.0
#include "protocol/utf8.h"

#include <cstdint>
#include <cstring>

namespace tantalus {
namespace {

constexpr std::size_t max_quoted = 64;

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]);
}

bool is_continuation(unsigned byte) noexcept {
  return (byte & 0xc0U) == 0x80U;
}

/// The length of the character that begins at `at`, 0 if none does (RFC 3629, section 4: the second byte's range is
/// what keeps overlong forms, surrogates and what lies past U+10FFFF out).
std::size_t character_length(std::string_view bytes, std::size_t at) noexcept {
  const unsigned first = byte_at(bytes, at);
  if (first < 0x80) {
    return 1;
  }
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    low = first == 0xe0 ? 0xa0 : low;
    high = first == 0xed ? 0x9f : high;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    low = first == 0xf0 ? 0x90 : low;
    high = first == 0xf4 ? 0x8f : high;
  }
  if (length == 0 || bytes.size() - at < length) {
    return 0;
  }
  const unsigned second = byte_at(bytes, at + 1);
  if (second < low || second > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if (!is_continuation(byte_at(bytes, at + i))) {
      return 0;
    }
  }
  return length;
}

/// Skips eight bytes of ASCII at a time, as nearly all that is sent is ASCII.
std::size_t skip_ascii(std::string_view bytes, std::size_t at) noexcept {
  while (bytes.size() - at >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if ((word & 0x8080808080808080U) != 0) {
      break;
    }
    at += sizeof word;
  }
  return at;
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
  std::size_t at = skip_ascii(bytes, 0);
  while (at < bytes.size()) {
    const std::size_t length = character_length(bytes, at);
    if (length == 0) {
      return false;
    }
    at += length;
  }
  return true;
}

std::string quoted(std::string_view name) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text = "`";
  std::size_t at = 0;
  while (at < name.size() && at < max_quoted) {
    const std::size_t length = character_length(name, at);
    const unsigned byte = byte_at(name, at);
    // U+0080 to U+009F are control characters too, and terminals obey some of them.
    const bool is_control =
        byte < 0x20 || byte == 0x7f || (byte == 0xc2 && length == 2 && byte_at(name, at + 1) < 0xa0);
    if (length == 0 || is_control) {
      text += "\\x";
      text += hex[byte >> 4U];
      text += hex[byte & 0xfU];
      ++at;
      continue;
    }
    text += name.substr(at, length);
    at += length;
  }
  if (at < name.size()) {
    text += "...";
  }
  text += '`';
  return text;
}

}  // namespace tantalus
