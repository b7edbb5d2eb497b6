// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/canary.h"
#include "cache/page_runs.h"
#include "cache/size_classes.h"
#include "protocol/error.h"

namespace tantalus {

/// What both kinds of blocks of an arena, slots and runs of pages, are made of. Each is preceded by 16 bytes, or by its
/// neighbour, whose last word is a canary.
struct ArenaPages {
  static constexpr std::size_t page = size_classes::page;
  static constexpr std::size_t word = size_classes::canary;
  static constexpr std::size_t head_bytes = size_classes::slab_head;
  static constexpr const char* not_a_block = "the arena was given what is not a block of it, or was freed before";
  static constexpr const char* written_before = "a block of the arena was written before its begin";

  ArenaPages(std::span<std::byte> bytes, std::uint64_t number)
      : base(bytes.data()), runs(bytes.size() / page), canary(number) {}

  [[nodiscard]] std::byte* address(std::uint32_t number) const noexcept { return base + std::size_t{number} * page; }

  /// The size of a block whose room ends at `end`, when neither it nor its canary was written past.
  [[nodiscard]] std::size_t checked_size(const std::byte* block, const std::byte* end) const noexcept {
    const auto size = canary.size_of(end);
    const bool whole =
        size && *size <= static_cast<std::size_t>(end - block) - word && canary.is_filled(block + *size, end);
    check(whole, "a block of the arena was written past its end");
    return *size;
  }

  std::byte* base;
  PageRuns runs;
  Canary canary;
};

}  // namespace tantalus
