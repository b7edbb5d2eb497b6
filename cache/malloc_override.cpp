// SPDX-License-Identifier: Apache-2.0
// The malloc family of the executable that links this, over glibc's own ("Replacing malloc" in its manual). Everything
// here may run before main, on any thread, and while the loader works, so it uses nothing that needs to be set up.
#include "cache/malloc_override.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "cache/arena.h"
#include "cache/scoped_malloc.h"
#include "cache/wipe.h"

extern "C" {
void* __libc_malloc(std::size_t bytes) noexcept;
void* __libc_calloc(std::size_t count, std::size_t bytes) noexcept;
void* __libc_realloc(void* block, std::size_t bytes) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t bytes) noexcept;
void* __libc_valloc(std::size_t bytes) noexcept;
void* __libc_pvalloc(std::size_t bytes) noexcept;
void __libc_free(void* block) noexcept;
}

namespace tantalus {
namespace {

// C's malloc has no argument to carry these. The first is read in the executable alone, so without a call.
constinit thread_local Arena* scope [[gnu::tls_model("initial-exec")]] = nullptr;
constinit thread_local ExpendableMalloc* expendable [[gnu::tls_model("initial-exec")]] = nullptr;
constinit std::atomic<Arena*> known{nullptr};
constinit std::atomic<std::uintptr_t> begin{0};
constinit std::atomic<std::uintptr_t> size{0};

bool is_ours(const void* block) noexcept {
  return reinterpret_cast<std::uintptr_t>(block) - begin.load(std::memory_order_relaxed) <
         size.load(std::memory_order_relaxed);
}

/// The heap serves whoever the arena asks to make room.
void* take(std::size_t bytes, std::size_t alignment) noexcept {
  Arena* arena = std::exchange(scope, nullptr);
  void* block = arena->allocate_aligned(bytes, alignment);
  if (block != nullptr && expendable != nullptr) {
    expendable->took(block);
  }
  scope = arena;
  if (block == nullptr) {
    if (expendable != nullptr) {
      expendable->leave();
    }
    errno = ENOMEM;
  }
  return block;
}

void give_back(void* block) noexcept {
  if (expendable != nullptr) {
    Arena* arena = std::exchange(scope, nullptr);
    expendable->gave_back(block);
    scope = arena;
  }
  known.load(std::memory_order_relaxed)->free(block);
}

void* no_memory() noexcept {
  errno = ENOMEM;
  return nullptr;
}

/// glibc exports no second name of it.
std::size_t heap_usable_size(void* block) noexcept {
  using Function = std::size_t (*)(void*);
  static constinit std::atomic<Function> found{nullptr};
  Function function = found.load(std::memory_order_acquire);
  if (function == nullptr) {
    Arena* arena = std::exchange(scope, nullptr);
    function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "malloc_usable_size"));
    scope = arena;
    check(function != nullptr, "libc has no malloc_usable_size");
    found.store(function, std::memory_order_release);
  }
  return function(block);
}

/// What the arena holds stays in it, and what grows in a scope moves there.
void* resize(void* block, std::size_t bytes) noexcept {
  Arena* arena = known.load(std::memory_order_relaxed);
  const bool was_ours = is_ours(block);
  const std::size_t before = was_ours ? arena->usable(block) : heap_usable_size(block);
  void* moved = nullptr;
  if (scope != nullptr) {
    moved = take(bytes, alignof(std::max_align_t));
  } else {
    moved = arena->allocate(bytes);
  }
  if (moved == nullptr) {
    return no_memory();
  }
  std::memcpy(moved, block, std::min(before, bytes));
  if (was_ours) {
    give_back(block);
  } else {
    wipe({static_cast<std::byte*>(block), before});
    __libc_free(block);
  }
  return moved;
}

}  // namespace

Arena* exchange_malloc_arena(Arena* arena) noexcept {
  if (arena != nullptr && known.load(std::memory_order_relaxed) != arena) {
    check(known.load(std::memory_order_relaxed) == nullptr, "two arenas serve malloc");
    const auto range = arena->range();
    begin.store(reinterpret_cast<std::uintptr_t>(range.data()), std::memory_order_relaxed);
    size.store(range.size(), std::memory_order_relaxed);
    known.store(arena, std::memory_order_relaxed);
  }
  return std::exchange(scope, arena);
}

ExpendableMalloc* exchange_expendable(ExpendableMalloc* next) noexcept {
  return std::exchange(expendable, next);
}

void forget_malloc_arena(const Arena* arena) noexcept {
  if (known.load(std::memory_order_relaxed) == arena) {
    check(scope == nullptr, "an arena ended while it served malloc");
    size.store(0, std::memory_order_relaxed);
    known.store(nullptr, std::memory_order_relaxed);
  }
}

}  // namespace tantalus

using tantalus::heap_usable_size;
using tantalus::is_ours;
using tantalus::known;
using tantalus::no_memory;
using tantalus::scope;
using tantalus::take;

extern "C" {

void* malloc(std::size_t bytes) noexcept {
  return scope != nullptr ? take(bytes, alignof(std::max_align_t)) : __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) noexcept {
  if (scope == nullptr) {
    return __libc_calloc(count, bytes);
  }
  std::size_t product = 0;
  if (__builtin_mul_overflow(count, bytes, &product)) {
    return no_memory();
  }
  return take(product, alignof(std::max_align_t));
}

void free(void* block) noexcept {
  if (is_ours(block)) [[unlikely]] {
    tantalus::give_back(block);
    return;
  }
  __libc_free(block);
}

void* realloc(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) {
    return malloc(bytes);
  }
  const bool was_ours = is_ours(block);
  if (scope == nullptr && !was_ours) {
    return __libc_realloc(block, bytes);
  }
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  return tantalus::resize(block, bytes);
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return scope != nullptr ? take(bytes, alignment) : __libc_memalign(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return memalign(alignment, bytes);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) noexcept {
  if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) {
    return EINVAL;
  }
  const int before = errno;
  void* taken = memalign(alignment, bytes);
  errno = before;
  if (taken == nullptr) {
    return ENOMEM;
  }
  *block = taken;
  return 0;
}

void* valloc(std::size_t bytes) noexcept {
  return scope != nullptr ? no_memory() : __libc_valloc(bytes);
}

void* pvalloc(std::size_t bytes) noexcept {
  return scope != nullptr ? no_memory() : __libc_pvalloc(bytes);
}

std::size_t malloc_usable_size(void* block) noexcept {
  if (block == nullptr) {
    return 0;
  }
  return is_ours(block) ? known.load(std::memory_order_relaxed)->usable(block) : heap_usable_size(block);
}

}  // extern "C"
