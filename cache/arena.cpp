// SPDX-License-Identifier: Apache-2.0
#include "cache/arena.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "cache/canary.h"
#include "cache/locked_mapping.h"
#include "cache/malloc_override.h"
#include "cache/page_runs.h"
#include "cache/poison.h"
#include "cache/size_classes.h"
#include "cache/wipe.h"

namespace tantalus {
namespace {

using size_classes::SizeClass;
using Use = PageInfo::Use;

constexpr std::size_t page_size = LockedMapping::page;
static_assert(page_size == size_classes::page);
constexpr std::size_t word = size_classes::canary;
constexpr std::size_t block_head = size_classes::slab_head;
constexpr const char* not_a_block = "the arena was given what is not a block of it, or was freed before";

std::uint64_t random_number() {
  std::uint64_t number = 0;
  check(::getrandom(&number, sizeof number, 0) == sizeof number, "the kernel gives no random numbers");
  return number;
}

std::size_t pages_for(std::size_t bytes, std::size_t lead) noexcept {
  return (lead + bytes + word + page_size - 1) / page_size;
}

}  // namespace

class Arena::State {
 public:
  explicit State(LockedMapping mapping)
      : mapping_(std::move(mapping)),
        base_(mapping_.bytes().data()),
        pages_(mapping_.bytes().size() / page_size),
        canary_(random_number()),
        owner_(::pthread_self()) {
    slabs_.fill(PageInfo::none);
    poison(base_, limit());
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    unpoison(base_, limit());
    for (std::uint32_t page = 0; page < pages_.count(); ++page) {
      if (pages_[page].touched) {  // The others were never faulted in, and hold nothing.
        wipe({address(page), page_size});
      }
    }
  }

  void* allocate(std::size_t bytes, std::size_t lead) noexcept {
    check_thread();
    bytes = std::max<std::size_t>(bytes, 1);
    if (bytes > std::min<std::size_t>(limit(), 0xffffffff)) {  // A canary tells sizes below 4 GiB.
      return nullptr;
    }
    if (lead == block_head && bytes <= size_classes::largest) {
      return allocate_slot(bytes);
    }
    return allocate_pages(bytes, lead);
  }

  void free(void* pointer) noexcept {
    check_thread();
    auto* block = static_cast<std::byte*>(pointer);
    const std::uint32_t head = head_of(block);
    if (pages_[head].use == Use::slab) {
      free_slot(block, head);
    } else {
      free_pages(block, head);
    }
  }

  /// Gives the canaries around a block a look, and tells its size.
  std::size_t size_of(const std::byte* block) const noexcept {
    const std::uint32_t head = head_of(block);
    if (pages_[head].use == Use::slab) {
      const std::uint32_t slot = slot_of(block, head);
      return checked_size(block, slot_end(head, slot));
    }
    check(block == address(head) + pages_[head].lead, not_a_block);
    return checked_size(block, address(head) + pages_[head].length * page_size);
  }

  bool give_up_empty_slabs() noexcept {
    bool any = false;
    for (std::uint32_t& first : slabs_) {
      for (std::uint32_t head = first; head != PageInfo::none;) {
        const std::uint32_t next = pages_[head].next;
        if (pages_[head].free_slots == class_of(head).slots) {
          unlist(first, head);
          release_slab(head);
          any = true;
        }
        head = next;
      }
    }
    return any;
  }

  void prefault(std::size_t bytes) noexcept {
    std::size_t ready = 0;
    for (std::uint32_t page = 0; page < pages_.count() && ready < bytes; ++page) {
      if (pages_[page].use != Use::free) {
        continue;
      }
      if (!pages_[page].touched) {
        unpoison(address(page), page_size);
        *static_cast<volatile std::byte*>(address(page)) = std::byte{0};
        poison(address(page), page_size);
        pages_[page].touched = true;
      }
      ready += page_size;
    }
  }

  bool reclaim(std::size_t bytes) noexcept {
    if (!reclaimer_ || reclaiming_) {
      return false;
    }
    reclaiming_ = true;
    const bool any = reclaimer_(bytes);
    reclaiming_ = false;
    return any;
  }

  void set_reclaimer(Reclaimer reclaimer) noexcept { reclaimer_ = std::move(reclaimer); }

  std::size_t limit() const noexcept { return mapping_.bytes().size(); }
  std::span<std::byte> bytes() const noexcept { return mapping_.bytes(); }
  Usage usage() const noexcept { return {mapping_.kind(), limit(), used_, peak_, blocks_}; }

 private:
  /// What it holds is not synchronised: a block freed on another thread would corrupt it silently.
  void check_thread() const noexcept {
    check(::pthread_equal(owner_, ::pthread_self()) != 0, "the arena was used on another thread than its own");
  }

  void* allocate_slot(std::size_t bytes) noexcept {
    const std::uint8_t size_class = size_classes::class_for(bytes);
    std::uint32_t head = slabs_[size_class];
    if (head == PageInfo::none) {
      head = make_slab(size_class);
      if (head == PageInfo::none) {
        return nullptr;
      }
    }
    PageInfo& slab = pages_[head];
    const std::uint32_t slot = first_free(slab);
    slab.taken[slot / 64] |= std::uint64_t{1} << (slot % 64);
    if (--slab.free_slots == 0) {
      unlist(slabs_[size_class], head);
    }
    const std::size_t size = class_of(head).slot;
    std::byte* block = slot_begin(head, slot);
    unpoison(block, size);
    check(is_zero({block, size - word}), "a freed block of the arena was written to");
    if (slot > 0 && !is_taken(slab, slot - 1)) {
      canary_.write_gap(block - word);
    }
    finish(block, bytes, block + size);
    return block;
  }

  void free_slot(std::byte* block, std::uint32_t head) noexcept {
    PageInfo& slab = pages_[head];
    const std::uint32_t slot = slot_of(block, head);
    const std::size_t size = class_of(head).slot;
    checked_size(block, block + size);
    check_before_slot(block, slab, slot);
    clear(block, size - word);
    // A word between two free slots is zero, so that an empty slab is; one before a block in use is its canary.
    if (slot + 1 < class_of(head).slots && is_taken(slab, slot + 1)) {
      canary_.write_gap(block + size - word);
    } else {
      Canary::clear(block + size - word);
    }
    if (slot > 0 && !is_taken(slab, slot - 1)) {
      Canary::clear(block - word);
    }
    slab.taken[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    account(size, false);
    std::uint32_t& first = slabs_[slab.size_class];
    if (slab.free_slots++ == 0) {
      list(first, head);
    }
    // One empty slab of a class is kept, so that a block freed and taken again doesn't make and unmake one.
    if (slab.free_slots == class_of(head).slots && (slab.next != PageInfo::none || slab.previous != PageInfo::none)) {
      unlist(first, head);
      release_slab(head);
    }
  }

  void* allocate_pages(std::size_t bytes, std::size_t lead) noexcept {
    const std::size_t length = pages_for(bytes, lead);
    const auto head = pages_.take(static_cast<std::uint32_t>(length), Use::block, PageRuns::End::high);
    if (!head) {
      return nullptr;
    }
    pages_[*head].lead = static_cast<std::uint16_t>(lead);
    std::byte* block = address(*head) + lead;
    unpoison(address(*head), length * page_size);
    canary_.write_gap(block - word);
    poison(address(*head), lead);
    finish(block, bytes, address(*head) + length * page_size);
    return block;
  }

  void free_pages(std::byte* block, std::uint32_t head) noexcept {
    const std::size_t lead = pages_[head].lead;
    const std::size_t size = pages_[head].length * page_size;
    check(block == address(head) + lead, not_a_block);
    checked_size(block, address(head) + size);
    check(canary_.is_gap(block - word), "a block of the arena was written before its begin");
    unpoison(address(head), size);
    wipe({address(head), size});
    poison(address(head), size);
    account(size, false);
    pages_.give_back(head);
  }

  void finish(std::byte* block, std::size_t bytes, std::byte* end) noexcept {
    canary_.write_tail(block, bytes, end);
    poison(block + bytes, static_cast<std::size_t>(end - block) - bytes);
    const std::uint32_t head = pages_[page_of(block)].head;
    account(pages_[head].use == Use::slab ? class_of(head).slot : pages_[head].length * page_size, true);
  }

  void account(std::size_t bytes, bool taken) noexcept {
    used_ += taken ? bytes : 0 - bytes;
    blocks_ += taken ? 1 : 0 - std::size_t{1};
    peak_ = std::max(peak_, used_);
  }

  static void clear(std::byte* block, std::size_t bytes) noexcept {
    unpoison(block, bytes);
    wipe({block, bytes});
    poison(block, bytes + word);
  }

  std::size_t checked_size(const std::byte* block, const std::byte* end) const noexcept {
    const auto size = canary_.size_of(end);
    const bool whole =
        size && *size <= static_cast<std::size_t>(end - block) - word && canary_.is_filled(block + *size, end);
    check(whole, "a block of the arena was written past its end");
    return *size;
  }

  void check_before_slot(const std::byte* block, const PageInfo& slab, std::uint32_t slot) const noexcept {
    const bool is_block = slot > 0 && is_taken(slab, slot - 1);
    check(is_block ? canary_.size_of(block).has_value() : canary_.is_gap(block - word),
          "a block of the arena was written before its begin");
  }

  std::uint32_t make_slab(std::uint8_t size_class) noexcept {
    const SizeClass& layout = size_classes::classes[size_class];
    const auto head = pages_.take(layout.pages, Use::slab, PageRuns::End::low);
    if (!head) {
      return PageInfo::none;
    }
    PageInfo& slab = pages_[*head];
    slab.size_class = size_class;
    slab.free_slots = layout.slots;
    slab.taken = {};
    canary_.write_gap(address(*head) + word);
    list(slabs_[size_class], *head);
    return *head;
  }

  void release_slab(std::uint32_t head) noexcept {
    Canary::clear(address(head) + word);
    pages_.give_back(head);
  }

  void list(std::uint32_t& first, std::uint32_t head) noexcept {
    pages_[head].previous = PageInfo::none;
    pages_[head].next = first;
    if (first != PageInfo::none) {
      pages_[first].previous = head;
    }
    first = head;
  }

  void unlist(std::uint32_t& first, std::uint32_t head) noexcept {
    PageInfo& slab = pages_[head];
    if (slab.previous == PageInfo::none) {
      first = slab.next;
    } else {
      pages_[slab.previous].next = slab.next;
    }
    if (slab.next != PageInfo::none) {
      pages_[slab.next].previous = slab.previous;
    }
    slab.next = PageInfo::none;
    slab.previous = PageInfo::none;
  }

  static std::uint32_t first_free(const PageInfo& slab) noexcept {
    const auto low = static_cast<std::uint32_t>(std::countr_one(slab.taken[0]));
    return low < 64 ? low : 64 + static_cast<std::uint32_t>(std::countr_one(slab.taken[1]));
  }
  static bool is_taken(const PageInfo& slab, std::uint32_t slot) noexcept {
    return ((slab.taken[slot / 64] >> (slot % 64)) & 1) != 0;
  }
  static bool is_zero(std::span<const std::byte> bytes) noexcept {
    std::uint64_t any = 0;
    for (std::size_t at = 0; at + sizeof any <= bytes.size(); at += sizeof any) {
      std::uint64_t part = 0;
      std::memcpy(&part, bytes.data() + at, sizeof part);
      any |= part;
    }
    return any == 0;
  }

  const SizeClass& class_of(std::uint32_t head) const noexcept {
    return size_classes::classes[pages_[head].size_class];
  }
  std::byte* address(std::uint32_t page) const noexcept { return base_ + std::size_t{page} * page_size; }
  std::byte* slot_begin(std::uint32_t head, std::uint32_t slot) const noexcept {
    return address(head) + block_head + std::size_t{slot} * class_of(head).slot;
  }
  std::byte* slot_end(std::uint32_t head, std::uint32_t slot) const noexcept {
    return slot_begin(head, slot) + class_of(head).slot;
  }
  std::uint32_t page_of(const std::byte* at) const noexcept {
    return static_cast<std::uint32_t>(static_cast<std::size_t>(at - base_) / page_size);
  }

  /// The first page of the run in use that holds this address.
  std::uint32_t head_of(const std::byte* at) const noexcept {
    const auto offset = reinterpret_cast<std::uintptr_t>(at) - reinterpret_cast<std::uintptr_t>(base_);
    check(offset < limit(), not_a_block);
    const PageInfo& page = pages_[static_cast<std::uint32_t>(offset / page_size)];
    check(page.use != Use::free, not_a_block);
    return page.head;
  }

  std::uint32_t slot_of(const std::byte* block, std::uint32_t head) const noexcept {
    const auto offset = static_cast<std::size_t>(block - address(head)) - block_head;  // Wraps in the slab's head.
    const std::size_t slot = offset / class_of(head).slot;
    check(slot < class_of(head).slots && offset % class_of(head).slot == 0, not_a_block);
    const auto number = static_cast<std::uint32_t>(slot);
    check(is_taken(pages_[head], number), not_a_block);
    return number;
  }

  LockedMapping mapping_;
  std::byte* base_;
  PageRuns pages_;
  Canary canary_;
  ::pthread_t owner_;
  std::array<std::uint32_t, size_classes::classes.size()> slabs_;  ///< Of each class, those with room.
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::size_t blocks_ = 0;
  Reclaimer reclaimer_;
  bool reclaiming_ = false;
};

Result<std::unique_ptr<Arena>> Arena::make(Options options) {
  constexpr std::size_t most = std::size_t{1} << 40;
  if (options.bytes == 0 || options.bytes > most) {
    return fail(Code::unavailable, "can't lock that much memory: cache.memory is 0 or above 1 TiB");
  }
  const std::size_t bytes = (options.bytes + page_size - 1) / page_size * page_size;
  auto mapping = LockedMapping::make(bytes, options.try_memfd_secret);
  if (!mapping) {
    return std::unexpected(std::move(mapping.error()));
  }
  return std::unique_ptr<Arena>(new Arena(std::make_unique<State>(std::move(*mapping))));
}

Arena::Arena(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

Arena::~Arena() {
  if (&forget_malloc_arena != nullptr) {
    forget_malloc_arena(this);
  }
}

void* Arena::allocate(std::size_t bytes) noexcept {
  return allocate_aligned(bytes, alignof(std::max_align_t));
}

void* Arena::allocate_aligned(std::size_t bytes, std::size_t alignment) noexcept {
  if (!std::has_single_bit(alignment) || alignment > largest_alignment) {
    return nullptr;
  }
  const std::size_t lead = std::max(alignment, block_head);
  while (true) {
    if (void* block = state_->allocate(bytes, lead)) {
      return block;
    }
    const bool can_fit = bytes <= state_->limit();
    if (!can_fit || (!state_->give_up_empty_slabs() && !state_->reclaim(bytes))) {
      return nullptr;
    }
  }
}

void* Arena::allocate_without_reclaim(std::size_t bytes) noexcept {
  return state_->allocate(bytes, block_head);
}

void Arena::free(void* block) noexcept {
  if (block != nullptr) {
    state_->free(block);
  }
}

std::size_t Arena::usable(const void* block) const noexcept {
  return state_->size_of(static_cast<const std::byte*>(block));
}

std::size_t Arena::cost(std::size_t bytes) const noexcept {
  bytes = std::max<std::size_t>(bytes, 1);
  if (bytes <= size_classes::largest) {
    return size_classes::classes[size_classes::class_for(bytes)].slot;
  }
  return bytes > state_->limit() ? bytes : pages_for(bytes, block_head) * page_size;
}

bool Arena::owns(const void* address) const noexcept {
  const auto range = state_->bytes();
  return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(range.data()) < range.size();
}

std::span<const std::byte> Arena::range() const noexcept {
  return state_->bytes();
}

void Arena::prefault(std::size_t bytes) noexcept {
  state_->prefault(bytes);
}

Arena::Usage Arena::usage() const noexcept {
  return state_->usage();
}

void Arena::set_reclaimer(Reclaimer reclaimer) noexcept {
  state_->set_reclaimer(std::move(reclaimer));
}

}  // namespace tantalus
