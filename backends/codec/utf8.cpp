// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/utf8.h"

namespace tantalus {

std::size_t utf8_length_at(std::string_view text, std::size_t begin) noexcept {
  const auto byte = [&](std::size_t offset) -> unsigned {
    return begin + offset < text.size() ? static_cast<unsigned char>(text[begin + offset]) : 0U;
  };
  const auto continues = [&](std::size_t offset) { return (byte(offset) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return begin < text.size() ? 1 : 0;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return continues(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned second = byte(1);
    const bool right = (first != 0xE0 || second >= 0xA0) && (first != 0xED || second <= 0x9F);
    return right && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned second = byte(1);
    const bool right = (first != 0xF0 || second >= 0x90) && (first != 0xF4 || second <= 0x8F);
    return right && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

std::size_t first_not_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = utf8_length_at(text, at);
    if (length == 0) {
      return at;
    }
    at += length;
  }
  return at;
}

}  // namespace tantalus
