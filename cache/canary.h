// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace tantalus {

/// The words around blocks of an arena, made of a number that only this process knows. They depend on their address, so
/// that one copied from elsewhere is none. AddressSanitizer keeps everybody else from them, hence the attributes.
class Canary {
 public:
  explicit Canary(std::uint64_t number) noexcept : number_(number) {}

  /// Before a block whose neighbour below isn't one.
  [[gnu::no_sanitize_address]] void write_gap(std::byte* at) const noexcept { word(at) = expected(at) ^ gap; }
  [[nodiscard, gnu::no_sanitize_address]] bool is_gap(const std::byte* at) const noexcept {
    return word(at) == (expected(at) ^ gap);
  }

  /// From a block's last byte up to the end of its room: a filler, then a word that tells the block's size and proves
  /// it, so that a block that is written past by a single byte is found. `end` is aligned to 8.
  [[gnu::no_sanitize_address]] void write_tail(std::byte* block, std::size_t size, std::byte* end) const noexcept {
    std::byte* last = end - sizeof(std::uint64_t);
    for (std::byte* at = block + size; at < last; ++at) {
      *at = filler();
    }
    word(last) = expected(last) ^ sealed(size);
  }
  /// The block's size, when the word before `end` is right.
  [[nodiscard, gnu::no_sanitize_address]] std::optional<std::size_t> size_of(const std::byte* end) const noexcept {
    const std::byte* last = end - sizeof(std::uint64_t);
    const std::uint64_t found = word(last) ^ expected(last);
    const std::size_t size = found & 0xffffffff;
    if (found != sealed(size)) {
      return std::nullopt;
    }
    return size;
  }
  [[nodiscard, gnu::no_sanitize_address]] bool is_filled(const std::byte* from, const std::byte* end) const noexcept {
    std::byte different{0};
    for (const std::byte* at = from; at < end - sizeof(std::uint64_t); ++at) {
      different |= *at ^ filler();
    }
    return different == std::byte{0};
  }

  [[gnu::no_sanitize_address]] static void clear(std::byte* at) noexcept { word(at) = 0; }

 private:
  static constexpr std::uint64_t gap = 0x5a5a5a5a00000000;

  /// Of blocks below 4 GiB.
  [[nodiscard]] static constexpr std::uint64_t sealed(std::size_t size) noexcept {
    const auto low = static_cast<std::uint32_t>(size);
    return std::uint64_t{low} | (std::uint64_t{low * 0x9e3779b1U + 1} << 32);
  }
  [[nodiscard]] std::uint64_t expected(const std::byte* at) const noexcept {
    return number_ ^ (reinterpret_cast<std::uintptr_t>(at) * 0x9e3779b97f4a7c15U);
  }
  /// Never zero: what ends a string must not pass for it.
  [[nodiscard]] std::byte filler() const noexcept { return static_cast<std::byte>((number_ >> 56) | 1); }

  [[nodiscard]] static std::uint64_t& word(std::byte* at) noexcept { return *reinterpret_cast<std::uint64_t*>(at); }
  [[nodiscard]] static const std::uint64_t& word(const std::byte* at) noexcept {
    return *reinterpret_cast<const std::uint64_t*>(at);
  }

  std::uint64_t number_;
};

}  // namespace tantalus
