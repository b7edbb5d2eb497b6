// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// msgpack written by hand, so that the tests don't read with the same library that wrote: messages are sums of items.
namespace tantalus::wire_bytes {

inline std::string big_endian(std::uint64_t value, unsigned size) {
  std::string bytes;
  while (size-- > 0) {
    bytes += static_cast<char>(value >> (8 * size) & 0xff);
  }
  return bytes;
}

/// An item whose first byte is followed by a number of `size` bytes.
inline std::string header(unsigned first, std::uint64_t value, unsigned size) {
  return std::string(1, static_cast<char>(first)) + big_endian(value, size);
}

inline std::string nil() {
  return "\xc0";
}
inline std::string boolean(bool value) {
  return value ? "\xc3" : "\xc2";
}
inline std::string uint(std::uint64_t value) {
  return value < 0x80 ? std::string(1, static_cast<char>(value)) : header(0xcf, value, 8);
}
inline std::string array(std::uint64_t count) {
  return count < 16 ? std::string(1, static_cast<char>(0x90 + count)) : header(0xdd, count, 4);
}
inline std::string map(std::uint64_t pairs) {
  return pairs < 16 ? std::string(1, static_cast<char>(0x80 + pairs)) : header(0xdf, pairs, 4);
}
inline std::string str(std::string_view text) {
  const auto first = static_cast<char>(0xa0 + text.size());
  return (text.size() < 32 ? std::string(1, first) : header(0xdb, text.size(), 4)) + std::string(text);
}
inline std::string bin(std::string_view bytes) {
  return header(0xc4, bytes.size(), 1) + std::string(bytes);
}

/// `[0, 7, method, [map]]`; `map` is the whole map, or what stands in its place.
inline std::string request(std::string_view method, const std::string& map) {
  return array(4) + uint(0) + uint(7) + str(method) + array(1) + map;
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace tantalus::wire_bytes
