// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace tantalus {

/// How often this process has asked operator new for memory. Only in an executable that links tantalus_alloc_counter,
/// which replaces the operators in all of it.
[[nodiscard]] std::size_t heap_allocations() noexcept;

/// What `work` allocates in `rounds` rounds after a first one, which is its warm-up.
template <class Work>
std::size_t allocations_once_warm(std::size_t rounds, Work work) {
  work();
  const std::size_t before = heap_allocations();
  for (std::size_t i = 0; i < rounds; ++i) {
    work();
  }
  return heap_allocations() - before;
}

}  // namespace tantalus
