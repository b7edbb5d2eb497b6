// SPDX-License-Identifier: Apache-2.0
#include "cache/scoped_malloc.h"

#include "cache/malloc_override.h"
#include "protocol/error.h"

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

ExpendableMalloc::~ExpendableMalloc() {
  for (void* block : blocks_) {
    arena_->free(block);
  }
}

bool ExpendableMalloc::run_in_scope(void (*call)(void*), void* what) {
  const LockedMallocScope scope(*arena_);
  ExpendableMalloc* const outer = exchange_expendable(this);
  check(outer == nullptr, "expendable calls don't nest");
  if (setjmp(leave_) != 0) {  // NOLINT(cert-err52-cpp): out of C code, over no frame of ours that has a destructor.
    is_lost_ = true;
    exchange_expendable(nullptr);
    return false;
  }
  call(what);
  exchange_expendable(nullptr);
  return true;
}

void ExpendableMalloc::leave() noexcept {
  std::longjmp(leave_, 1);  // NOLINT(cert-err52-cpp)
}

}  // namespace tantalus
