// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/base64.h"

#include <cstdint>

#include "protocol/error.h"

namespace tantalus {
namespace {

/// All ones where begin <= c <= end, else 0. All are below 256.
constexpr std::uint32_t in_range(std::uint32_t c, char begin, char end) noexcept {
  return (((c - static_cast<std::uint32_t>(begin)) | (static_cast<std::uint32_t>(end) - c)) >> 31U) - 1U;
}

struct Sextet {
  std::uint32_t bits;
  std::uint32_t valid;  // All ones, or 0.
};

constexpr Sextet sextet(unsigned char c) noexcept {
  const std::uint32_t upper = in_range(c, 'A', 'Z');
  const std::uint32_t lower = in_range(c, 'a', 'z');
  const std::uint32_t digit = in_range(c, '0', '9');
  const std::uint32_t plus = in_range(c, '+', '+');
  const std::uint32_t slash = in_range(c, '/', '/');
  const std::uint32_t bits =
      (upper & (c - 65U)) | (lower & (c - 71U)) | (digit & (c + 4U)) | (plus & 62U) | (slash & 63U);
  return {bits, upper | lower | digit | plus | slash};
}

}  // namespace

std::optional<std::size_t> base64_decode(std::string_view text, std::span<std::byte> to) noexcept {
  check(to.size() >= base64_room(text.size()), "no room to decode base64");
  std::uint32_t group = 0;
  std::uint32_t valid = ~0U;
  std::size_t letters = 0;
  std::size_t pads = 0;
  std::size_t size = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      continue;
    }
    if (c == '=') {
      ++pads;
      continue;
    }
    if (pads != 0) {
      return std::nullopt;
    }
    const Sextet read = sextet(static_cast<unsigned char>(c));
    valid &= read.valid;
    group = group << 6U | read.bits;
    if (++letters % 4 == 0) {
      to[size++] = static_cast<std::byte>(group >> 16U & 0xffU);
      to[size++] = static_cast<std::byte>(group >> 8U & 0xffU);
      to[size++] = static_cast<std::byte>(group & 0xffU);
    }
  }
  const std::size_t rest = letters % 4;
  const bool whole = (rest == 0 && pads == 0) || (rest == 2 && pads == 2) || (rest == 3 && pads == 1);
  if (valid == 0 || !whole) {
    return std::nullopt;
  }
  if (rest >= 2) {
    to[size++] = static_cast<std::byte>((rest == 2 ? group >> 4U : group >> 10U) & 0xffU);
  }
  if (rest == 3) {
    to[size++] = static_cast<std::byte>(group >> 2U & 0xffU);
  }
  return size;
}

}  // namespace tantalus
