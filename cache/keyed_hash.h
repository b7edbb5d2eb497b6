// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tantalus {

/// A hash under a key that only this process knows, for tables whose keys callers choose: nobody can make names that
/// collide with another domain's. Not for anything that leaves the process.
class KeyedHash {
 public:
  struct Key {
    std::uint64_t start;
    std::uint64_t step;  ///< Odd.
  };

  constexpr KeyedHash(Key key, std::uint64_t seed) noexcept
      : step_(key.step), state_(fold(key.start ^ seed, key.step)) {}

  constexpr void add(std::uint64_t number) noexcept { state_ = fold(state_ ^ number, step_) + number; }

  void add(std::string_view text) noexcept {
    add(text.size());  // So that "ab" + "c" is not "a" + "bc", and bytes read twice below mean no other text.
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left > 8; left -= 8, at += 8) {
      add(load<std::uint64_t>(at));
    }
    if (text.size() > 8) {
      add(load<std::uint64_t>(at + left - 8));
    } else if (left >= 4) {
      add(std::uint64_t{load<std::uint32_t>(at)} << 32 | load<std::uint32_t>(at + left - 4));
    } else if (left > 0) {
      add(std::uint64_t{load<std::uint8_t>(at)} << 16 | std::uint64_t{load<std::uint8_t>(at + left / 2)} << 8 |
          load<std::uint8_t>(at + left - 1));
    }
  }

  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return fold(state_, step_ ^ 0x9e3779b97f4a7c15U); }

 private:
  /// Both halves of a product: every bit of either factor reaches the low bits of the result.
  static constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{a} * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  template <class Number>
  static Number load(const char* at) noexcept {
    Number number{};
    std::memcpy(&number, at, sizeof number);
    return number;
  }

  std::uint64_t step_;
  std::uint64_t state_;
};

}  // namespace tantalus
