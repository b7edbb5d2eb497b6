// SPDX-License-Identifier: Apache-2.0
// Built twice: with the malloc that serves scopes, as the daemon is, and without.
#include "cache/scoped_malloc.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "cache/cache.h"
#include "tests/support/catch.h"
#include "tests/support/grant_maker.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus {
namespace {

using test::any_kind;
using test::make_arena;

#if defined(TANTALUS_EXPECTS_MALLOC)
constexpr bool expects_malloc = true;
#else
constexpr bool expects_malloc = false;
#endif

/// Out of the optimiser's sight, which may leave out a pair of calls.
void* kept(void* block) {
  asm volatile("" : "+r"(block) : : "memory");
  return block;
}

TEST_CASE("a scope tells whether it does anything", "[promise-6]") {
  CHECK(LockedMallocScope::is_effective() == expects_malloc);
  if (!expects_malloc) {
    auto arena = make_arena(any_kind(), 64 * 1024);
    const LockedMallocScope scope(*arena);
    void* block = kept(std::malloc(100));
    CHECK_FALSE(arena->owns(block));
    std::free(block);
  }
}

#if defined(TANTALUS_EXPECTS_MALLOC)

TEST_CASE("what is allocated in a scope is locked, and goes back whenever it is freed", "[promise-6][trap-137]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  void* before = kept(std::malloc(100));
  void* inside = nullptr;
  void* aligned = nullptr;
  void* zeroed = nullptr;
  char* copy = nullptr;
  std::unique_ptr<std::string> object;
  int failed = -1;
  {
    const LockedMallocScope scope(*arena);
    inside = kept(std::malloc(100));
    zeroed = kept(std::calloc(10, 10));
    copy = ::strdup("a scalar of a manifest");
    object = std::make_unique<std::string>(200, 'x');
    failed = ::posix_memalign(&aligned, 64, 100);
    std::free(before);
  }
  CHECK(failed == 0);
  CHECK(arena->owns(inside));
  CHECK(arena->owns(zeroed));
  CHECK(arena->owns(copy));
  CHECK(arena->owns(object.get()));
  CHECK(arena->owns(object->data()));
  CHECK(arena->owns(aligned));
  CHECK(reinterpret_cast<std::uintptr_t>(aligned) % 64 == 0);
  CHECK(::malloc_usable_size(inside) == 100);
  void* after = kept(std::malloc(100));
  CHECK_FALSE(arena->owns(after));
  CHECK(::malloc_usable_size(after) >= 100);
  std::free(after);
  std::free(inside);
  std::free(zeroed);
  std::free(copy);
  std::free(aligned);
  object.reset();
  CHECK(arena->usage().blocks == 0);
  CHECK_FALSE(test::is_in(arena->range(), "a scalar of a manifest"));
}

TEST_CASE("a buffer that grows in a scope moves to locked memory and stays there", "[promise-6][trap-58]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  auto* buffer = static_cast<char*>(kept(std::malloc(8)));
  std::memcpy(buffer, "12345678", 8);
  {
    const LockedMallocScope scope(*arena);
    buffer = static_cast<char*>(kept(std::realloc(buffer, 1000)));
  }
  CHECK(arena->owns(buffer));
  CHECK(std::string_view(buffer, 8) == "12345678");
  buffer = static_cast<char*>(kept(std::realloc(buffer, 2000)));
  CHECK(arena->owns(buffer));
  CHECK(std::string_view(buffer, 8) == "12345678");
  CHECK(arena->usage().blocks == 1);
  std::free(buffer);
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("a scope never falls back to memory that isn't locked", "[promise-5][promise-6][trap-53]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  void* blocks[7] = {};
  int error = 0;
  bool threw = false;
  {
    const LockedMallocScope scope(*arena);
    errno = 0;
    blocks[0] = kept(std::malloc(128 * 1024));
    error = errno;
    blocks[1] = kept(std::calloc(2, 128 * 1024));
    blocks[2] = kept(std::calloc(SIZE_MAX / 2, 3));
    blocks[3] = kept(std::aligned_alloc(4096, 4096));
    blocks[4] = kept(::memalign(64, 128 * 1024));
    blocks[5] = kept(::valloc(100));
    blocks[6] = kept(std::realloc(nullptr, 128 * 1024));
    try {
      void* block = kept(::operator new(128 * 1024));
      ::operator delete(block);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
  }
  CHECK(error == ENOMEM);
  CHECK(threw);
  for (void* block : blocks) {
    CHECK(block == nullptr);
  }
  void* aligned = nullptr;
  CHECK(::posix_memalign(&aligned, 3, 100) == EINVAL);
  CHECK(::posix_memalign(&aligned, 4096, 100) == 0);
  std::free(aligned);
}

TEST_CASE("a call that finds no room ends in the middle, and all that it had goes back", "[promise-6][trap-137]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  {
    ExpendableMalloc expendable(arena.get());
    void* first = nullptr;
    CHECK(expendable.run([&] { first = kept(std::malloc(100)); }));
    CHECK(arena->owns(first));
    CHECK(expendable.run([&] { std::free(first); }));
    CHECK(arena->usage().blocks == 0);
    int taken = 0;
    bool returned = false;
    CHECK_FALSE(expendable.run([&] {
      while (kept(std::malloc(1000)) != nullptr) {
        ++taken;
      }
      returned = true;
    }));
    CHECK(taken > 30);
    CHECK_FALSE(returned);
    CHECK(arena->usage().blocks > 30);
    // Nothing of it may be touched any more.
    CHECK_FALSE(expendable.run([&] { returned = true; }));
    CHECK_FALSE(returned);
    void* outside = kept(std::malloc(10));
    CHECK_FALSE(arena->owns(outside));
    std::free(outside);
  }
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("what a library leaks goes back at its end, what grew and moved is counted once", "[promise-6]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  {
    ExpendableMalloc expendable(arena.get());
    CHECK(expendable.run([&] {
      void* block = kept(std::malloc(100));
      block = kept(std::realloc(block, 5000));
      kept(std::calloc(10, 10));
    }));
    CHECK(arena->usage().blocks == 2);
  }
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("scopes nest, and other threads are not in them", "[promise-6]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  void* inner = nullptr;
  void* outer = nullptr;
  void* theirs = nullptr;
  std::atomic<int> step{0};
  std::thread thread([&] {
    while (step.load() != 1) {
      std::this_thread::yield();
    }
    theirs = kept(std::malloc(100));
    step = 2;
  });
  {
    const LockedMallocScope scope(*arena);
    {
      const LockedMallocScope nested(*arena);
      inner = kept(std::malloc(10));
      step = 1;
      while (step.load() != 2) {
        std::this_thread::yield();
      }
    }
    outer = kept(std::malloc(10));
  }
  thread.join();
  CHECK(arena->owns(inner));
  CHECK(arena->owns(outer));
  CHECK_FALSE(arena->owns(theirs));
  std::free(inner);
  std::free(outer);
  std::free(theirs);
}

TEST_CASE("a full arena gives up cached values to a scope, on the ordinary heap's terms", "[promise-6][promise-11]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  Cache cache(*arena, {.per_domain = 256 * 1024, .per_domain_floor = 0});
  arena->set_reclaimer([&](std::size_t bytes) {
    const std::string told(100, 'x');  // Of the heap, though a scope is open.
    return !arena->owns(told.data()) && cache.reclaim(bytes, DomainId::none);
  });
  for (int i = 0; i < 50; ++i) {
    auto writer = SecretWriter::make(*arena, 3000);
    REQUIRE(writer.has_value());
    writer->set_size(3000);
    Policy::Fields fields;
    const std::string key = "key-" + std::to_string(i);
    fields.key = key;
    auto secret = std::move(*writer).freeze();
    REQUIRE(
        cache.put(StoredGrant(Policy::grant(fields)), {.value = std::move(secret), .version = {}, .updated_at = {}}, {})
            .has_value());
  }
  void* block = nullptr;
  {
    const LockedMallocScope scope(*arena);
    block = kept(std::malloc(200 * 1024));
  }
  CHECK(arena->owns(block));
  CHECK(cache.counters().evictions > 0);
  std::free(block);
  arena->set_reclaimer({});
}

TEST_CASE("one arena after another serves scopes", "[promise-6]") {
  for (int i = 0; i < 3; ++i) {
    auto arena = make_arena(any_kind(), 64 * 1024);
    void* block = nullptr;
    {
      const LockedMallocScope scope(*arena);
      block = kept(std::malloc(10));
    }
    CHECK(arena->owns(block));
    std::free(block);
  }
}

#endif

}  // namespace
}  // namespace tantalus
