// SPDX-License-Identifier: Apache-2.0
#include "cache/wiping_malloc.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cache/wipe.h"

namespace tantalus::wiping_malloc {

void* allocate(std::size_t bytes) noexcept {
  return std::malloc(bytes);
}

void* allocate_zeroed(std::size_t count, std::size_t bytes) noexcept {
  return std::calloc(count, bytes);
}

// realloc(3) would leave the old bytes where they were whenever it moves them.
void* resize(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) {
    return allocate(bytes);
  }
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  void* moved = allocate(bytes);
  if (moved != nullptr) {
    std::memcpy(moved, block, std::min(bytes, ::malloc_usable_size(block)));
    free(block);
  }
  return moved;
}

char* duplicate(const char* text) noexcept {
  const std::size_t bytes = std::strlen(text) + 1;
  void* copy = allocate(bytes);
  if (copy != nullptr) {
    std::memcpy(copy, text, bytes);
  }
  return static_cast<char*>(copy);
}

void free(void* block) noexcept {
  if (block != nullptr) {
    wipe({static_cast<std::byte*>(block), ::malloc_usable_size(block)});
    std::free(block);
  }
}

}  // namespace tantalus::wiping_malloc
