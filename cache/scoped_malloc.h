// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csetjmp>
#include <unordered_set>

#include "cache/arena.h"

namespace tantalus {

/// While one is alive, all that this thread allocates on the heap (malloc(3) and its kin, and so operator new) comes
/// from the arena, and is null with ENOMEM when the arena is full: for libraries that copy what they parse to the heap
/// and give no choice, as libfyaml (trap 137). Blocks of the arena go back to it whenever they are freed, in a scope or
/// not, on the arena's thread. A scope stands around calls of such a library alone; it never spans a co_await.
///
/// It works in executables that link the target `cache_malloc`, which the daemon does. Elsewhere, and under sanitizers,
/// which have a malloc of their own, it does nothing.
class LockedMallocScope {
 public:
  explicit LockedMallocScope(Arena& arena) noexcept;  ///< Of one arena in a process at a time.
  LockedMallocScope(const LockedMallocScope&) = delete;
  LockedMallocScope& operator=(const LockedMallocScope&) = delete;
  ~LockedMallocScope();

  [[nodiscard]] static bool is_effective() noexcept;

 private:
  Arena* outer_ = nullptr;
};

/// For a library that doesn't survive a malloc that fails: libfyaml 0.7.12 reads through the null, or goes on with half
/// a text. Its calls are run in a LockedMallocScope; when the arena is full, malloc leaves the call by longjmp(3), and
/// the library's objects are lost. What it allocated through this and hasn't freed is freed at the end, so that what it
/// leaks in its own errors doesn't stay in locked memory either. Where scopes do nothing, this doesn't.
///
/// The library is C, keeps nothing beyond the objects that it gave out, and allocates and frees in calls of this alone.
class ExpendableMalloc {
 public:
  /// The arena outlives it. Null: the heap serves, which is never full.
  explicit ExpendableMalloc(Arena* arena) noexcept : arena_(LockedMallocScope::is_effective() ? arena : nullptr) {}
  ExpendableMalloc(const ExpendableMalloc&) = delete;
  ExpendableMalloc& operator=(const ExpendableMalloc&) = delete;
  ~ExpendableMalloc();

  /// False: there was no room, now or in an earlier call, and none of the library's objects may be touched any more.
  /// `call` has nothing to destroy when it is left in the middle.
  template <class Call>
  [[nodiscard]] bool run(Call call) {
    if (is_lost_) {
      return false;
    }
    if (arena_ == nullptr) {
      call();
      return true;
    }
    return run_in_scope([](void* what) { (*static_cast<Call*>(what))(); }, &call);
  }

  /// Of malloc_override.cpp.
  void took(void* block) { blocks_.insert(block); }
  void gave_back(void* block) noexcept { blocks_.erase(block); }
  [[noreturn]] void leave() noexcept;

 private:
  bool run_in_scope(void (*call)(void*), void* what);

  Arena* arena_;
  bool is_lost_ = false;
  std::unordered_set<void*> blocks_;
  std::jmp_buf leave_{};
};

}  // namespace tantalus
