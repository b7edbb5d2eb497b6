// SPDX-License-Identifier: Apache-2.0
// The allocators that third-party libraries are given.
#include <malloc.h>

#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/locked_heap.h"
#include "cache/wiping_malloc.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus {
namespace {

using test::any_kind;
using test::make_arena;

constexpr std::string_view canary = "a value in a library's buffer";

TEST_CASE("a library's buffers are in locked memory", "[promise-6][trap-66]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  LockedHeap heap(*arena);
  auto* text = static_cast<char*>(heap.allocate(canary.size() + 1));
  REQUIRE(text != nullptr);
  CHECK(arena->owns(text));
  std::memcpy(text, canary.data(), canary.size());
  char* copy = heap.duplicate(text);
  CHECK(arena->owns(copy));
  CHECK(copy == canary);
  auto* zeroed = static_cast<char*>(heap.allocate_zeroed(10, 30));
  CHECK(arena->owns(zeroed));
  CHECK(std::string(zeroed, 300) == std::string(300, '\0'));
  heap.free(zeroed);
  heap.free(copy);
  CHECK(test::is_in(arena->range(), canary));
  heap.free(text);
  heap.free(nullptr);
  CHECK_FALSE(test::is_in(arena->range(), canary));
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("a buffer that is resized leaves nothing where it was", "[promise-6][trap-58]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  LockedHeap heap(*arena);
  auto* text = static_cast<char*>(heap.resize(nullptr, 64));
  std::memcpy(text, canary.data(), canary.size());
  text = static_cast<char*>(heap.resize(text, 20'000));
  CHECK(std::string_view(text, canary.size()) == canary);
  const auto range = arena->range();
  const auto at = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(text) - range.data());
  CHECK_FALSE(test::is_in(range.first(at), canary));
  text = static_cast<char*>(heap.resize(text, 5));
  CHECK(std::string_view(text, 5) == canary.substr(0, 5));
  CHECK_FALSE(test::is_in(arena->range(), canary));
  CHECK(heap.resize(text, 0) == nullptr);
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("a locked heap that is full gives nothing, and keeps what there is", "[promise-5][promise-6][trap-59]") {
  auto arena = make_arena(any_kind(), 64 * 1024);
  LockedHeap heap(*arena);
  auto* text = static_cast<char*>(heap.allocate(100));
  std::memcpy(text, canary.data(), canary.size());
  CHECK(heap.resize(text, 1024 * 1024) == nullptr);
  CHECK(std::string_view(text, canary.size()) == canary);
  CHECK(heap.allocate(1024 * 1024) == nullptr);
  CHECK(heap.allocate_zeroed(std::numeric_limits<std::size_t>::max() / 2, 3) == nullptr);
  CHECK(heap.allocate_zeroed(std::size_t{1} << 32, std::size_t{1} << 32) == nullptr);
  heap.free(text);
}

TEST_CASE("another thread gets memory that is wiped, and its frees reach the arena", "[promise-6]") {
  auto arena = make_arena(any_kind(), 256 * 1024);
  LockedHeap heap(*arena);
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 200; ++i) {
    blocks.push_back(heap.allocate(1 + i % 30));
  }
  void* theirs = nullptr;
  std::vector<std::thread> threads;
  for (std::size_t part = 0; part < 4; ++part) {
    threads.emplace_back([&, part] {
      for (std::size_t i = part; i < blocks.size(); i += 4) {
        heap.free(blocks[i]);
      }
      void* own = heap.allocate(100);
      own = heap.resize(own, 1000);
      if (part == 0) {
        theirs = own;
      } else {
        heap.free(own);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK_FALSE(arena->owns(theirs));
  CHECK(arena->usage().blocks == 200);
  theirs = heap.resize(theirs, 2000);
  heap.free(theirs);
  heap.free(heap.allocate(1));
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("the callbacks serve the installed heap, and the heap of before and after", "[promise-6]") {
  using Callbacks = LockedHeap::Callbacks;
  auto arena = make_arena(any_kind(), 256 * 1024);
  void* before = Callbacks::malloc(10);
  CHECK_FALSE(arena->owns(before));
  char* kept = nullptr;
  {
    LockedHeap heap(*arena);
    heap.install();
    char* text = Callbacks::strdup("text");
    CHECK(arena->owns(text));
    text = static_cast<char*>(Callbacks::realloc(text, 1000));
    CHECK(arena->owns(text));
    CHECK(std::string_view(text) == "text");
    Callbacks::free(text);
    void* zeroed = Callbacks::calloc(3, 5);
    CHECK(arena->owns(zeroed));
    Callbacks::free(zeroed);
    Callbacks::free(before);
    CHECK(arena->usage().blocks == 0);
    kept = nullptr;
  }
  kept = Callbacks::strdup("after");
  CHECK_FALSE(arena->owns(kept));
  kept = static_cast<char*>(Callbacks::realloc(kept, 100));
  CHECK(std::string_view(kept) == "after");
  Callbacks::free(kept);
  void* zeroed = Callbacks::calloc(3, 5);
  Callbacks::free(zeroed);
  CHECK(test::in_child([](int) {
          auto own = make_arena(Arena::Kind::mlock, 64 * 1024);
          LockedHeap one(*own);
          LockedHeap two(*own);
          one.install();
          two.install();
          return 0;
        }).killed_by(SIGABRT));
}

/// Reads memory that may have been freed: what the allocator left there.
[[gnu::noinline, gnu::no_sanitize_address]] std::string peek(std::uintptr_t at, std::size_t bytes) {
  std::string seen;
  for (std::size_t i = 0; i < bytes; ++i) {
    seen.push_back(reinterpret_cast<const volatile char*>(at)[i]);
  }
  return seen;
}

TEST_CASE("the wiping malloc leaves nothing of what was freed or outgrown", "[promise-6][trap-66]") {
  if (test::has_asan) {
    return;  // It writes over what was freed itself.
  }
  const std::string value(300, 'v');
  const std::string_view tail = std::string_view(value).substr(32);  // malloc keeps its links in the first bytes.
  auto* block = static_cast<char*>(wiping_malloc::allocate(value.size()));
  auto* neighbour = wiping_malloc::allocate(value.size());  // So that the block isn't joined to the rest of the heap.
  std::memcpy(block, value.data(), value.size());
  const auto at = reinterpret_cast<std::uintptr_t>(block);
  SECTION("freed") {
    wiping_malloc::free(block);
  }
  SECTION("outgrown") {
    auto* grown = static_cast<char*>(wiping_malloc::resize(block, 100'000));
    CHECK(std::string_view(grown, value.size()) == value);
    wiping_malloc::free(grown);
  }
  SECTION("resized to nothing") {
    CHECK(wiping_malloc::resize(block, 0) == nullptr);
  }
  CHECK(peek(at + 32, tail.size()) == std::string(tail.size(), '\0'));
  wiping_malloc::free(neighbour);
  wiping_malloc::free(nullptr);
  char* copy = wiping_malloc::duplicate("copy");
  CHECK(std::string_view(copy) == "copy");
  wiping_malloc::free(copy);
}

}  // namespace
}  // namespace tantalus
