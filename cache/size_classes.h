// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tantalus::size_classes {

/// A slab is a run of pages cut into slots of one size. It begins with 16 bytes whose second half is the canary before
/// its first slot; a slot is its block and, in its last 8 bytes, the canary after it. So blocks are aligned to 16.
inline constexpr std::size_t slab_head = 16;
inline constexpr std::size_t canary = 8;
inline constexpr std::size_t page = 4096;
inline constexpr std::size_t most_slots = 128;

struct SizeClass {
  std::uint16_t slot;
  std::uint16_t pages;
  std::uint16_t slots;
};

namespace detail {
/// Sizes that leave little of 1 or 4 pages unused.
inline constexpr std::array<std::uint16_t, 33> sizes{32,  48,  64,   80,   96,   112,  128,  144,  160,  176,  192,
                                                     208, 224, 240,  272,  304,  336,  400,  448,  496,  576,  672,
                                                     768, 848, 1008, 1168, 1360, 1632, 2032, 2720, 3264, 4080, 5456};
consteval auto make_classes() {
  std::array<SizeClass, sizes.size()> classes{};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::size_t pages = sizes[i] <= 496 ? 1 : 4;
    const std::size_t slots = (pages * page - slab_head) / sizes[i];
    classes[i] = {sizes[i], static_cast<std::uint16_t>(pages), static_cast<std::uint16_t>(slots)};
  }
  return classes;
}
}  // namespace detail

inline constexpr auto classes = detail::make_classes();
inline constexpr std::size_t largest = classes.back().slot - canary;  ///< What is larger takes whole pages.
static_assert(classes.front().slots <= most_slots);

namespace detail {
/// By the slot's size in units of 16.
consteval auto make_index() {
  std::array<std::uint8_t, (largest + canary) / 16 + 1> index{};
  std::size_t at = 0;
  for (std::size_t units = 0; units < index.size(); ++units) {
    while (classes[at].slot < units * 16) {
      ++at;
    }
    index[units] = static_cast<std::uint8_t>(at);
  }
  return index;
}
inline constexpr auto index = make_index();
}  // namespace detail

/// The smallest class with room for `bytes`, which are at most `largest`.
[[nodiscard]] constexpr std::uint8_t class_for(std::size_t bytes) noexcept {
  return detail::index[(bytes + canary + 15) / 16];
}

}  // namespace tantalus::size_classes
