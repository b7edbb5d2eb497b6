// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// The heap's malloc family, but what is freed or outgrown is wiped first (promise 6): for libraries whose buffers may
/// hold a value for a moment and are too many, or live too long, for locked memory, as OpenSSL's
/// (CRYPTO_set_mem_functions(3)). Any thread. As their namesakes of malloc(3), but for resize() to 0, which frees.
namespace tantalus::wiping_malloc {

[[nodiscard]] void* allocate(std::size_t bytes) noexcept;
[[nodiscard]] void* allocate_zeroed(std::size_t count, std::size_t bytes) noexcept;
[[nodiscard]] void* resize(void* block, std::size_t bytes) noexcept;
[[nodiscard]] char* duplicate(const char* text) noexcept;
void free(void* block) noexcept;

}  // namespace tantalus::wiping_malloc
