// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tantalus {

class Arena;

/// Of malloc_override.cpp, which only some executables link: null elsewhere. Makes `arena` the source of this thread's
/// allocations (null: the heap is), and returns what was.
[[gnu::weak]] Arena* exchange_malloc_arena(Arena* arena) noexcept;
/// Said by an arena at its end.
[[gnu::weak]] void forget_malloc_arena(const Arena* arena) noexcept;

}  // namespace tantalus
