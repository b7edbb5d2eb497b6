// SPDX-License-Identifier: Apache-2.0
#include "client/src/locked.h"

#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace tantalus::client {
namespace {

constexpr std::size_t first_region = std::size_t{64} * 1024;  // Within RLIMIT_MEMLOCK of old systems.
constexpr std::size_t next_region = std::size_t{256} * 1024;

std::size_t to_pages(std::size_t size) noexcept {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

void wipe(std::span<std::byte> bytes) noexcept {
  if (!bytes.empty()) {
    explicit_bzero(bytes.data(), bytes.size());
  }
}

std::shared_ptr<LockedHeap> LockedHeap::make() {
  std::shared_ptr<LockedHeap> heap(new (std::nothrow) LockedHeap);
  if (heap == nullptr) {
    return nullptr;
  }
  heap->owner_ = getpid();
  const std::span<std::byte> region = heap->map(first_region);
  if (region.empty()) {
    return nullptr;
  }
  heap->regions_.push_back(region);
  region[0] = std::byte{1};
  heap->marker_ = region.data();
  heap->uncut_ = region.subspan(smallest);
  return heap;
}

LockedHeap::~LockedHeap() {
  for (const std::span<std::byte> region : regions_) {
    wipe(region);
    munmap(region.data(), region.size());
  }
}

std::span<std::byte> LockedHeap::allocate(std::size_t size) noexcept {
  if (size > largest) {
    return map(to_pages(size));
  }
  const std::size_t index = class_of(size);
  const std::size_t block = smallest << index;
  const std::scoped_lock lock(mutex_);
  if (std::vector<std::byte*>& free = free_[index]; !free.empty()) {
    std::byte* const found = free.back();
    free.pop_back();
    return {found, block};
  }
  if (uncut_.size() < block) {
    const std::span<std::byte> region = map(next_region);
    if (region.empty()) {
      return {};
    }
    // What was left of the region before is cut into the classes that it fits, so that none of it is lost.
    while (uncut_.size() >= smallest) {
      const std::size_t piece = std::min(std::bit_floor(uncut_.size()), largest);
      free_[class_of(piece)].push_back(uncut_.data());
      uncut_ = uncut_.subspan(piece);
    }
    regions_.push_back(region);
    uncut_ = region;
  }
  const std::span<std::byte> cut = uncut_.first(block);
  uncut_ = uncut_.subspan(block);
  return cut;
}

void LockedHeap::release(std::span<std::byte> block) noexcept {
  if (block.empty()) {
    return;
  }
  wipe(block);
  if (block.size() > largest) {
    munmap(block.data(), block.size());
    return;
  }
  // In a forked child another thread of the parent may have held the lock for ever, and the block is gone anyway.
  if (is_forked()) {
    return;
  }
  const std::scoped_lock lock(mutex_);
  free_[class_of(block.size())].push_back(block.data());
}

bool LockedHeap::is_forked() const noexcept {
  if (wiped_on_fork_) {
    return *marker_ == std::byte{0};
  }
  return getpid() != owner_;
}

std::span<std::byte> LockedHeap::map(std::size_t size) noexcept {
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return {};
  }
  // Out of core dumps whether locked or not. A workload decides itself about its limits, so an unlocked value is no
  // reason to leave it without one; tantalus_client_memory_is_locked() tells.
  madvise(memory, size, MADV_DONTDUMP);
  if (madvise(memory, size, MADV_WIPEONFORK) != 0) {
    wiped_on_fork_ = false;
  }
  // As mlock; sanitizers make that one do nothing, and the tests must see what is locked.
  if (mlock2(memory, size, 0) != 0) {
    locked_ = false;
  }
  return {static_cast<std::byte*>(memory), size};
}

std::size_t LockedHeap::class_of(std::size_t size) noexcept {
  const std::size_t block = std::bit_ceil(std::max(size, smallest));
  return static_cast<std::size_t>(std::countr_zero(block) - std::countr_zero(smallest));
}

// What was moved from can be written to again, so it keeps its heap.
LockedBuffer::LockedBuffer(LockedBuffer&& other) noexcept
    : heap_(other.heap_),  // NOLINT(performance-move-constructor-init)
      block_(std::exchange(other.block_, {})),
      size_(std::exchange(other.size_, 0)) {}

LockedBuffer& LockedBuffer::operator=(LockedBuffer&& other) noexcept {
  if (this != &other) {
    clear();
    heap_ = other.heap_;
    block_ = std::exchange(other.block_, {});
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

bool LockedBuffer::reserve(std::size_t capacity) noexcept {
  if (capacity <= block_.size()) {
    return true;
  }
  const std::span<std::byte> larger = heap_->allocate(capacity);
  if (larger.empty()) {
    return false;
  }
  std::ranges::copy(bytes(), larger.begin());
  heap_->release(block_);
  block_ = larger;
  return true;
}

bool LockedBuffer::append(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() > block_.size() - size_ && !reserve(std::max(size_ + bytes.size(), 2 * block_.size()))) {
    return false;
  }
  std::ranges::copy(bytes, room().begin());
  size_ += bytes.size();
  return true;
}

void LockedBuffer::consume(std::size_t count) noexcept {
  const std::size_t rest = size_ - count;
  if (rest > 0) {
    std::memmove(block_.data(), block_.data() + count, rest);
  }
  wipe(block_.subspan(rest, count));
  size_ = rest;
}

void LockedBuffer::shorten(std::size_t count) noexcept {
  wipe(block_.subspan(size_ - count, count));
  size_ -= count;
}

void LockedBuffer::clear() noexcept {
  heap_->release(std::exchange(block_, {}));
  size_ = 0;
}

}  // namespace tantalus::client
