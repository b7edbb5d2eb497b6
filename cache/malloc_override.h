// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tantalus {

class Arena;
class ExpendableMalloc;

/// Of malloc_override.cpp, which only some executables link: null elsewhere. Makes `arena` the source of this thread's
/// allocations (null: the heap is), and returns what was.
[[gnu::weak]] Arena* exchange_malloc_arena(Arena* arena) noexcept;
/// Makes `expendable` what this thread's allocations in a scope are told to (null: nobody), and returns what was.
[[gnu::weak]] ExpendableMalloc* exchange_expendable(ExpendableMalloc* expendable) noexcept;
/// Said by an arena at its end.
[[gnu::weak]] void forget_malloc_arena(const Arena* arena) noexcept;

}  // namespace tantalus
