// SPDX-License-Identifier: Apache-2.0
#include "cache/scoped_malloc.h"

#include "cache/malloc_override.h"

namespace tantalus {

LockedMallocScope::LockedMallocScope(Arena& arena) noexcept {
  if (is_effective()) {
    outer_ = exchange_malloc_arena(&arena);
  }
}

LockedMallocScope::~LockedMallocScope() {
  if (is_effective()) {
    exchange_malloc_arena(outer_);
  }
}

bool LockedMallocScope::is_effective() noexcept {
  return &exchange_malloc_arena != nullptr;
}

}  // namespace tantalus
