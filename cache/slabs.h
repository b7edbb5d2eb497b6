// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cache/arena_pages.h"

namespace tantalus {

/// The small blocks of an arena: slots of slabs, each slab of one size (size_classes.h).
class Slabs {
 public:
  explicit Slabs(ArenaPages& pages) noexcept;
  Slabs(const Slabs&) = delete;
  Slabs& operator=(const Slabs&) = delete;

  /// Of at most size_classes::largest bytes. Null when there is no page left.
  [[nodiscard]] std::byte* allocate(std::size_t bytes) noexcept;
  void free(std::byte* block, std::uint32_t head) noexcept;
  [[nodiscard]] std::size_t size_of(const std::byte* block, std::uint32_t head) const noexcept;
  /// What a slot of this slab takes.
  [[nodiscard]] std::size_t slot_bytes(std::uint32_t head) const noexcept;
  /// Empty slabs are kept for the next block of their size; this gives their pages back, if there are any.
  bool give_up_empty() noexcept;

 private:
  [[nodiscard]] std::uint32_t make(std::uint8_t size_class) noexcept;
  void release(std::uint32_t head) noexcept;
  void list(std::uint32_t& first, std::uint32_t head) noexcept;
  void unlist(std::uint32_t& first, std::uint32_t head) noexcept;
  void check_before(const std::byte* block, const PageInfo& slab, std::uint32_t slot) const noexcept;
  [[nodiscard]] std::uint32_t slot_of(const std::byte* block, std::uint32_t head) const noexcept;
  [[nodiscard]] const size_classes::SizeClass& class_of(std::uint32_t head) const noexcept;

  ArenaPages& pages_;
  std::array<std::uint32_t, size_classes::classes.size()> with_room_;  ///< Of each class, the slabs that have a slot.
};

}  // namespace tantalus
