// SPDX-License-Identifier: Apache-2.0
#include "cache/slabs.h"

#include <bit>
#include <cstring>

#include "cache/poison.h"
#include "cache/wipe.h"

namespace tantalus {
namespace {

using size_classes::SizeClass;
constexpr std::size_t word = ArenaPages::word;

std::uint32_t first_free(const PageInfo& slab) noexcept {
  const auto low = static_cast<std::uint32_t>(std::countr_one(slab.taken[0]));
  return low < 64 ? low : 64 + static_cast<std::uint32_t>(std::countr_one(slab.taken[1]));
}

bool is_taken(const PageInfo& slab, std::uint32_t slot) noexcept {
  return ((slab.taken[slot / 64] >> (slot % 64)) & 1) != 0;
}

bool is_zero(std::span<const std::byte> bytes) noexcept {
  std::uint64_t any = 0;
  for (std::size_t at = 0; at + sizeof any <= bytes.size(); at += sizeof any) {
    std::uint64_t part = 0;
    std::memcpy(&part, bytes.data() + at, sizeof part);
    any |= part;
  }
  return any == 0;
}

}  // namespace

Slabs::Slabs(ArenaPages& pages) noexcept : pages_(pages) {
  with_room_.fill(PageInfo::none);
}

std::byte* Slabs::allocate(std::size_t bytes) noexcept {
  const std::uint8_t size_class = size_classes::class_for(bytes);
  std::uint32_t head = with_room_[size_class];
  if (head == PageInfo::none) {
    head = make(size_class);
    if (head == PageInfo::none) {
      return nullptr;
    }
  }
  PageInfo& slab = pages_.runs[head];
  const std::uint32_t slot = first_free(slab);
  slab.taken[slot / 64] |= std::uint64_t{1} << (slot % 64);
  if (--slab.free_slots == 0) {
    unlist(with_room_[size_class], head);
  }
  const std::size_t size = class_of(head).slot;
  std::byte* block = pages_.address(head) + ArenaPages::head_bytes + slot * size;
  unpoison(block, size);
  check(is_zero({block, size - word}), "a freed block of the arena was written to");
  if (slot > 0 && !is_taken(slab, slot - 1)) {
    pages_.canary.write_gap(block - word);
  }
  pages_.canary.write_tail(block, bytes, block + size);
  poison(block + bytes, size - bytes);
  return block;
}

// A word between two free slots is zero, so that an empty slab is; one before a block in use is its canary.
void Slabs::free(std::byte* block, std::uint32_t head) noexcept {
  PageInfo& slab = pages_.runs[head];
  const std::uint32_t slot = slot_of(block, head);
  const SizeClass& layout = class_of(head);
  std::byte* last_word = block + layout.slot - word;
  static_cast<void>(pages_.checked_size(block, block + layout.slot));
  check_before(block, slab, slot);
  unpoison(block, layout.slot);
  wipe({block, layout.slot});
  poison(block, layout.slot);
  if (slot + 1U < layout.slots && is_taken(slab, slot + 1)) {
    pages_.canary.write_gap(last_word);
  }
  if (slot > 0 && !is_taken(slab, slot - 1)) {
    Canary::clear(block - word);
  }
  slab.taken[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  std::uint32_t& first = with_room_[slab.size_class];
  if (slab.free_slots++ == 0) {
    list(first, head);
  }
  // One empty slab of a class is kept, so that a block freed and taken again doesn't make and unmake one.
  const bool is_alone = slab.next == PageInfo::none && slab.previous == PageInfo::none;
  if (slab.free_slots == layout.slots && !is_alone) {
    unlist(first, head);
    release(head);
  }
}

std::size_t Slabs::size_of(const std::byte* block, std::uint32_t head) const noexcept {
  static_cast<void>(slot_of(block, head));
  return pages_.checked_size(block, block + class_of(head).slot);
}

std::size_t Slabs::slot_bytes(std::uint32_t head) const noexcept {
  return class_of(head).slot;
}

bool Slabs::give_up_empty() noexcept {
  bool any = false;
  for (std::uint32_t& first : with_room_) {
    for (std::uint32_t head = first; head != PageInfo::none;) {
      const std::uint32_t next = pages_.runs[head].next;
      if (pages_.runs[head].free_slots == class_of(head).slots) {
        unlist(first, head);
        release(head);
        any = true;
      }
      head = next;
    }
  }
  return any;
}

std::uint32_t Slabs::make(std::uint8_t size_class) noexcept {
  const SizeClass& layout = size_classes::classes[size_class];
  const auto head = pages_.runs.take(layout.pages, PageInfo::Use::slab, PageRuns::End::low);
  if (!head) {
    return PageInfo::none;
  }
  PageInfo& slab = pages_.runs[*head];
  slab.size_class = size_class;
  slab.free_slots = layout.slots;
  slab.taken = {};
  pages_.canary.write_gap(pages_.address(*head) + ArenaPages::head_bytes - word);
  list(with_room_[size_class], *head);
  return *head;
}

void Slabs::release(std::uint32_t head) noexcept {
  Canary::clear(pages_.address(head) + ArenaPages::head_bytes - word);
  pages_.runs.give_back(head);
}

void Slabs::list(std::uint32_t& first, std::uint32_t head) noexcept {
  pages_.runs[head].previous = PageInfo::none;
  pages_.runs[head].next = first;
  if (first != PageInfo::none) {
    pages_.runs[first].previous = head;
  }
  first = head;
}

void Slabs::unlist(std::uint32_t& first, std::uint32_t head) noexcept {
  PageInfo& slab = pages_.runs[head];
  if (slab.previous == PageInfo::none) {
    first = slab.next;
  } else {
    pages_.runs[slab.previous].next = slab.next;
  }
  if (slab.next != PageInfo::none) {
    pages_.runs[slab.next].previous = slab.previous;
  }
  slab.next = PageInfo::none;
  slab.previous = PageInfo::none;
}

void Slabs::check_before(const std::byte* block, const PageInfo& slab, std::uint32_t slot) const noexcept {
  const bool is_block = slot > 0 && is_taken(slab, slot - 1);
  check(is_block ? pages_.canary.size_of(block).has_value() : pages_.canary.is_gap(block - word),
        ArenaPages::written_before);
}

std::uint32_t Slabs::slot_of(const std::byte* block, std::uint32_t head) const noexcept {
  const SizeClass& layout = class_of(head);
  // Wraps for what lies in the slab's head, and is no slot then.
  const std::size_t offset = static_cast<std::size_t>(block - pages_.address(head)) - ArenaPages::head_bytes;
  const std::size_t slot = offset / layout.slot;
  check(slot < layout.slots && offset % layout.slot == 0, ArenaPages::not_a_block);
  const auto number = static_cast<std::uint32_t>(slot);
  check(is_taken(pages_.runs[head], number), ArenaPages::not_a_block);
  return number;
}

const SizeClass& Slabs::class_of(std::uint32_t head) const noexcept {
  return size_classes::classes[pages_.runs[head].size_class];
}

}  // namespace tantalus
