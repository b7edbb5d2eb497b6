// SPDX-License-Identifier: Apache-2.0
#include "cache/arena.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

#include "cache/arena_pages.h"
#include "cache/locked_mapping.h"
#include "cache/malloc_override.h"
#include "cache/poison.h"
#include "cache/slabs.h"
#include "cache/wipe.h"

namespace tantalus {
namespace {

using Use = PageInfo::Use;

constexpr std::size_t page_bytes = LockedMapping::page;
static_assert(page_bytes == ArenaPages::page);
constexpr std::size_t word = ArenaPages::word;
constexpr std::size_t usual_lead = ArenaPages::head_bytes;
constexpr std::size_t largest_block = 0xffffffff;  // What a canary can tell the size of.

std::uint64_t random_number() {
  std::uint64_t number = 0;
  check(::getrandom(&number, sizeof number, 0) == sizeof number, "the kernel gives no random numbers");
  return number;
}

std::size_t pages_for(std::size_t bytes, std::size_t lead) noexcept {
  return (lead + bytes + word + page_bytes - 1) / page_bytes;
}

}  // namespace

class Arena::State {
 public:
  explicit State(LockedMapping mapping)
      : mapping_(std::move(mapping)),
        pages_(mapping_.bytes(), random_number()),
        slabs_(pages_),
        owner_(::pthread_self()) {
    poison(pages_.base, limit());
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    unpoison(pages_.base, limit());
    for (std::uint32_t page = 0; page < pages_.runs.count(); ++page) {
      if (pages_.runs[page].touched) {  // The others were never faulted in, and hold nothing.
        wipe({pages_.address(page), page_bytes});
      }
    }
  }

  /// `lead`: how far from the begin of a page the block may begin at the earliest, and a multiple of its alignment.
  void* allocate(std::size_t bytes, std::size_t lead) noexcept {
    check_thread();
    bytes = std::max<std::size_t>(bytes, 1);
    if (bytes > std::min(limit(), largest_block)) {
      return nullptr;
    }
    const bool is_small = lead == usual_lead && bytes <= size_classes::largest;
    std::byte* block = is_small ? slabs_.allocate(bytes) : allocate_pages(bytes, lead);
    if (block != nullptr) {
      used_ += room_of(head_of(block));
      peak_ = std::max(peak_, used_);
      ++blocks_;
    }
    return block;
  }

  void free(void* pointer) noexcept {
    check_thread();
    auto* block = static_cast<std::byte*>(pointer);
    const std::uint32_t head = head_of(block);
    const std::size_t room = room_of(head);
    if (pages_.runs[head].use == Use::slab) {
      slabs_.free(block, head);
    } else {
      free_pages(block, head);
    }
    used_ -= room;
    --blocks_;
  }

  std::size_t size_of(const std::byte* block) const noexcept {
    const std::uint32_t head = head_of(block);
    if (pages_.runs[head].use == Use::slab) {
      return slabs_.size_of(block, head);
    }
    check(block == pages_.address(head) + pages_.runs[head].lead, ArenaPages::not_a_block);
    return pages_.checked_size(block, pages_.address(head) + room_of(head));
  }

  bool give_up_empty_slabs() noexcept { return slabs_.give_up_empty(); }

  void prefault(std::size_t bytes) noexcept {
    std::size_t ready = 0;
    for (std::uint32_t page = 0; page < pages_.runs.count() && ready < bytes; ++page) {
      PageInfo& info = pages_.runs[page];
      if (info.use != Use::free) {
        continue;
      }
      if (!info.touched) {
        unpoison(pages_.address(page), page_bytes);
        *static_cast<volatile std::byte*>(pages_.address(page)) = std::byte{0};
        poison(pages_.address(page), page_bytes);
        info.touched = true;
      }
      ready += page_bytes;
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

  std::byte* allocate_pages(std::size_t bytes, std::size_t lead) noexcept {
    const auto length = static_cast<std::uint32_t>(pages_for(bytes, lead));
    const auto head = pages_.runs.take(length, Use::block, PageRuns::End::high);
    if (!head) {
      return nullptr;
    }
    pages_.runs[*head].lead = static_cast<std::uint16_t>(lead);
    const std::size_t room = room_of(*head);
    std::byte* begin = pages_.address(*head);
    std::byte* block = begin + lead;
    unpoison(begin, room);
    pages_.canary.write_gap(block - word);
    pages_.canary.write_tail(block, bytes, begin + room);
    poison(begin, lead);
    poison(block + bytes, room - lead - bytes);
    return block;
  }

  void free_pages(std::byte* block, std::uint32_t head) noexcept {
    const std::size_t room = room_of(head);
    std::byte* begin = pages_.address(head);
    check(block == begin + pages_.runs[head].lead, ArenaPages::not_a_block);
    static_cast<void>(pages_.checked_size(block, begin + room));
    check(pages_.canary.is_gap(block - word), ArenaPages::written_before);
    unpoison(begin, room);
    wipe({begin, room});
    poison(begin, room);
    pages_.runs.give_back(head);
  }

  /// What a block of this run takes of the limit.
  std::size_t room_of(std::uint32_t head) const noexcept {
    const PageInfo& run = pages_.runs[head];
    return run.use == Use::slab ? slabs_.slot_bytes(head) : run.length * page_bytes;
  }

  /// The first page of the run in use that holds this address.
  std::uint32_t head_of(const std::byte* at) const noexcept {
    const auto offset = reinterpret_cast<std::uintptr_t>(at) - reinterpret_cast<std::uintptr_t>(pages_.base);
    check(offset < limit(), ArenaPages::not_a_block);
    const PageInfo& page = pages_.runs[static_cast<std::uint32_t>(offset / page_bytes)];
    check(page.use != Use::free, ArenaPages::not_a_block);
    return page.head;
  }

  LockedMapping mapping_;
  ArenaPages pages_;
  Slabs slabs_;
  ::pthread_t owner_;
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
  const std::size_t bytes = (options.bytes + page_bytes - 1) / page_bytes * page_bytes;
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
  const std::size_t lead = std::max(alignment, usual_lead);
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
  return state_->allocate(bytes, usual_lead);
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
  return bytes > state_->limit() ? bytes : pages_for(bytes, usual_lead) * page_bytes;
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
