// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tantalus {

/// What is known of one page of the arena. All of them are made with the arena, so that nobody's use of it can make the
/// book-keeping grow.
struct PageInfo {
  static constexpr std::uint32_t none = 0xffffffff;

  enum class Use : std::uint8_t { free, block, slab };
  Use use = Use::free;          ///< Of the run; right on each of its pages unless it is free: there on its two ends.
  bool touched = false;         ///< Was it ever part of a run in use, so that it may hold something.
  std::uint8_t size_class = 0;  ///< Of a slab, at its head.
  std::uint16_t lead = 0;       ///< Of a block: where it begins, counted from its first page.
  std::uint16_t free_slots = 0;
  std::uint32_t head = none;  ///< The run's first page, as `use`.
  std::uint32_t length = 0;   ///< Pages of the run, at its first.
  std::uint32_t next = none;  ///< At a head: of a list of free runs, or of slabs with room.
  std::uint32_t previous = none;
  std::array<std::uint64_t, 2> taken{};  ///< A slab's slots in use, at its head.
};

/// Runs of pages: best fit, neighbours joined when they are free. Knows no addresses.
class PageRuns {
 public:
  explicit PageRuns(std::size_t pages);

  /// Small things are laid at the low end of what is free and large ones at the high end, so that they don't part each
  /// other's room.
  enum class End : std::uint8_t { low, high };
  [[nodiscard]] std::optional<std::uint32_t> take(std::uint32_t length, PageInfo::Use use, End end) noexcept;
  void give_back(std::uint32_t head) noexcept;

  [[nodiscard]] PageInfo& operator[](std::uint32_t page) noexcept { return pages_[page]; }
  [[nodiscard]] const PageInfo& operator[](std::uint32_t page) const noexcept { return pages_[page]; }
  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(pages_.size()); }

 private:
  static constexpr std::uint32_t exact_bins = 64;  ///< Runs of 1 to 64 pages; then a bin a power of two.
  static constexpr std::uint32_t bins = exact_bins + 26;

  [[nodiscard]] static std::uint32_t bin_of(std::uint32_t length) noexcept;
  [[nodiscard]] std::uint32_t best_fit(std::uint32_t length) const noexcept;
  void insert(std::uint32_t head, std::uint32_t length) noexcept;
  void remove(std::uint32_t head) noexcept;

  std::vector<PageInfo> pages_;
  std::array<std::uint32_t, bins> first_;
};

}  // namespace tantalus
