// SPDX-License-Identifier: Apache-2.0
#include "tests/support/alloc_counter.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#if __has_feature(thread_sanitizer)
#include <sanitizer/allocator_interface.h>
#endif

namespace {

std::atomic<std::size_t> allocations = 0;

}  // namespace

#if __has_feature(thread_sanitizer)
// The thread sanitizer's own operators can't be replaced, but they tell.
namespace {

void count_one(const volatile void*, std::size_t) {
  allocations.fetch_add(1, std::memory_order_relaxed);
}
void count_none(const volatile void*) {}

const int hooks = __sanitizer_install_malloc_and_free_hooks(count_one, count_none);

}  // namespace
#else
namespace {

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = nullptr;
  return posix_memalign(&memory, std::max(alignment, sizeof(void*)), size) == 0 ? memory : nullptr;
}

void* allocate_or_abort(std::size_t size, std::size_t alignment) noexcept {
  void* const memory = allocate(size, alignment);
  return memory != nullptr ? memory : (std::abort(), nullptr);
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
std::size_t number(std::align_val_t alignment) noexcept {
  return static_cast<std::size_t>(alignment);
}

}  // namespace

// All of them: what one allocates another of the same family must free.
// NOLINTBEGIN(cppcoreguidelines-no-malloc): these are what owners of memory stand on.
void* operator new(std::size_t n) {
  return allocate_or_abort(n, usual);
}
void* operator new[](std::size_t n) {
  return allocate_or_abort(n, usual);
}
void* operator new(std::size_t n, std::align_val_t a) {
  return allocate_or_abort(n, number(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return allocate_or_abort(n, number(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, usual);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return allocate(n, usual);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  std::free(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  std::free(p);
}
// NOLINTEND(cppcoreguidelines-no-malloc)
#endif

namespace tantalus {
std::size_t heap_allocations() noexcept {
  return allocations.load(std::memory_order_relaxed);
}
}  // namespace tantalus
