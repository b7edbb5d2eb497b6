// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TANTALUS_HAS_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TANTALUS_HAS_ASAN 1
#endif

#if defined(TANTALUS_HAS_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace tantalus {

/// Tells AddressSanitizer which bytes of the arena nobody may touch; nothing without it.
inline void poison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(TANTALUS_HAS_ASAN)
  ASAN_POISON_MEMORY_REGION(at, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* at, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(TANTALUS_HAS_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(at, bytes);
#endif
}

}  // namespace tantalus
