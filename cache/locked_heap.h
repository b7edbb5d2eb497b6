// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

#include "cache/arena.h"

namespace tantalus {

/// The malloc family over an arena, for libraries that let their allocator be chosen (promise 6). As malloc(3), but for
/// resize() to 0, which frees; null when the arena has no room: never memory that isn't locked.
///
/// The arena belongs to the loop's thread. Libraries also allocate on threads of their own (libcurl resolves names on
/// one), which never see a value: what these take is wiping_malloc's, and what they free of the arena is kept until the
/// loop's thread comes by.
class LockedHeap {
 public:
  explicit LockedHeap(Arena& arena) noexcept;  ///< On the arena's thread; the arena outlives it.
  LockedHeap(const LockedHeap&) = delete;
  LockedHeap& operator=(const LockedHeap&) = delete;
  ~LockedHeap();

  [[nodiscard]] void* allocate(std::size_t bytes) noexcept;
  [[nodiscard]] void* allocate_zeroed(std::size_t count, std::size_t bytes) noexcept;
  [[nodiscard]] void* resize(void* block, std::size_t bytes) noexcept;
  [[nodiscard]] char* duplicate(const char* text) noexcept;
  void free(void* block) noexcept;

  /// Makes this heap the one behind the callbacks. C's hooks (curl_global_init_mem(3), CRYPTO_set_mem_functions(3))
  /// carry no context, so there is one such heap in a process; it ends after the library that uses them was cleaned up.
  void install() noexcept;

  /// What the hooks are given. Before install() and after the installed heap's end they are wiping_malloc's.
  struct Callbacks {
    static void* malloc(std::size_t bytes) noexcept;
    static void* calloc(std::size_t count, std::size_t bytes) noexcept;
    static void* realloc(void* block, std::size_t bytes) noexcept;
    static char* strdup(const char* text) noexcept;
    static void free(void* block) noexcept;
  };

 private:
  struct Returned {
    Returned* next;
  };
  [[nodiscard]] bool is_own_thread() const noexcept;
  void take_returned() noexcept;

  Arena& arena_;
  const unsigned long owner_;
  std::atomic<Returned*> returned_{nullptr};  ///< Blocks that other threads freed.
};

}  // namespace tantalus
