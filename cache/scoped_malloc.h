// SPDX-License-Identifier: Apache-2.0
#pragma once

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

}  // namespace tantalus
