// SPDX-License-Identifier: Apache-2.0
#include "cache/locked_heap.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "cache/wiping_malloc.h"

namespace tantalus {
namespace {

// The one place that C's hooks leave for a context.
constinit std::atomic<LockedHeap*> installed{nullptr};

}  // namespace

LockedHeap::LockedHeap(Arena& arena) noexcept : arena_(arena), owner_(::pthread_self()) {}

LockedHeap::~LockedHeap() {
  LockedHeap* self = this;
  installed.compare_exchange_strong(self, nullptr);
  take_returned();
}

void* LockedHeap::allocate(std::size_t bytes) noexcept {
  if (!is_own_thread()) {
    return wiping_malloc::allocate(bytes);
  }
  take_returned();
  return arena_.allocate(std::max(bytes, sizeof(Returned)));
}

void* LockedHeap::allocate_zeroed(std::size_t count, std::size_t bytes) noexcept {
  if (!is_own_thread()) {
    return wiping_malloc::allocate_zeroed(count, bytes);
  }
  std::size_t product = 0;
  if (__builtin_mul_overflow(count, bytes, &product)) {
    return nullptr;
  }
  return allocate(product);
}

void* LockedHeap::resize(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) {
    return allocate(bytes);
  }
  if (!arena_.owns(block)) {
    return wiping_malloc::resize(block, bytes);
  }
  check(is_own_thread(), "a block of locked memory was resized on another thread");
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  void* moved = allocate(bytes);
  if (moved != nullptr) {
    std::memcpy(moved, block, std::min(bytes, arena_.usable(block)));
    arena_.free(block);
  }
  return moved;
}

char* LockedHeap::duplicate(const char* text) noexcept {
  const std::size_t bytes = std::strlen(text) + 1;
  void* copy = allocate(bytes);
  if (copy != nullptr) {
    std::memcpy(copy, text, bytes);
  }
  return static_cast<char*>(copy);
}

void LockedHeap::free(void* block) noexcept {
  if (block == nullptr) {
    return;
  }
  if (!arena_.owns(block)) {
    wiping_malloc::free(block);
    return;
  }
  if (is_own_thread()) {
    arena_.free(block);
    take_returned();
    return;
  }
  auto* given = ::new (block) Returned{returned_.load(std::memory_order_relaxed)};
  while (!returned_.compare_exchange_weak(given->next, given, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

void LockedHeap::install() noexcept {
  LockedHeap* none = nullptr;
  check(installed.compare_exchange_strong(none, this), "two heaps were installed");
}

bool LockedHeap::is_own_thread() const noexcept {
  return owner_ == ::pthread_self();
}

void LockedHeap::take_returned() noexcept {
  if (returned_.load(std::memory_order_relaxed) == nullptr) {
    return;
  }
  Returned* block = returned_.exchange(nullptr, std::memory_order_acquire);
  while (block != nullptr) {
    Returned* next = block->next;
    arena_.free(block);
    block = next;
  }
}

void* LockedHeap::Callbacks::malloc(std::size_t bytes) noexcept {
  LockedHeap* heap = installed.load(std::memory_order_acquire);
  return heap != nullptr ? heap->allocate(bytes) : wiping_malloc::allocate(bytes);
}

void* LockedHeap::Callbacks::calloc(std::size_t count, std::size_t bytes) noexcept {
  LockedHeap* heap = installed.load(std::memory_order_acquire);
  return heap != nullptr ? heap->allocate_zeroed(count, bytes) : wiping_malloc::allocate_zeroed(count, bytes);
}

void* LockedHeap::Callbacks::realloc(void* block, std::size_t bytes) noexcept {
  LockedHeap* heap = installed.load(std::memory_order_acquire);
  return heap != nullptr ? heap->resize(block, bytes) : wiping_malloc::resize(block, bytes);
}

char* LockedHeap::Callbacks::strdup(const char* text) noexcept {
  LockedHeap* heap = installed.load(std::memory_order_acquire);
  return heap != nullptr ? heap->duplicate(text) : wiping_malloc::duplicate(text);
}

void LockedHeap::Callbacks::free(void* block) noexcept {
  LockedHeap* heap = installed.load(std::memory_order_acquire);
  heap != nullptr ? heap->free(block) : wiping_malloc::free(block);
}

}  // namespace tantalus
