// SPDX-License-Identifier: Apache-2.0
#include "cache/arena.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus {
namespace {

using test::any_kind;
using test::make_arena;

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = 1024 * KiB;

std::byte* take(Arena& arena, std::size_t bytes) {
  return static_cast<std::byte*>(arena.allocate(bytes));
}

bool holds_only(const std::byte* at, std::size_t bytes, std::byte what) {
  return std::all_of(at, at + bytes, [what](std::byte byte) { return byte == what; });
}

TEST_CASE("ten thousand small secrets fit into 16 MiB with room to spare", "[trap-54]") {
  auto arena = make_arena(any_kind(), 16 * MiB);
  constexpr std::size_t header = 32;  // Of a Secret.
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 10'000; ++i) {
    void* block = arena->allocate(header + 16 + i % 49);
    REQUIRE(block != nullptr);
    blocks.push_back(block);
  }
  CHECK(arena->usage().blocks == 10'000);
  CHECK(arena->usage().used < 2 * MiB);
  // What they leave is still whole: large values fit beside them.
  for (int i = 0; i < 6; ++i) {
    blocks.push_back(arena->allocate(2 * MiB));
    CHECK(blocks.back() != nullptr);
  }
  for (void* block : blocks) {
    arena->free(block);
  }
  CHECK(arena->usage().used == 0);
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("a block of any size is aligned, zeroed and all its own", "[trap-56][promise-5]") {
  auto arena = make_arena(any_kind(), 1 * MiB);
  for (std::size_t bytes = 1; bytes < 9000; bytes += bytes < 600 ? 1 : 97) {
    CAPTURE(bytes);
    std::byte* first = take(*arena, bytes);
    std::byte* second = take(*arena, bytes);
    REQUIRE(first != nullptr);
    REQUIRE(second != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(first) % alignof(std::max_align_t) == 0);
    CHECK(arena->usable(first) == bytes);
    CHECK(holds_only(first, bytes, std::byte{0}));
    std::memset(first, 0xa5, bytes);
    CHECK(holds_only(second, bytes, std::byte{0}));
    std::memset(second, 0x5a, bytes);
    CHECK(holds_only(first, bytes, std::byte{0xa5}));
    CHECK(arena->usage().used == 2 * arena->cost(bytes));
    arena->free(second);
    arena->free(first);
  }
  CHECK(arena->usage().used == 0);
}

TEST_CASE("a block can be asked for at a larger alignment", "[trap-56]") {
  auto arena = make_arena(any_kind(), 1 * MiB);
  for (std::size_t alignment = 1; alignment <= Arena::largest_alignment; alignment *= 2) {
    void* block = arena->allocate_aligned(100, alignment);
    REQUIRE(block != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
    CHECK(arena->usable(block) == 100);
    std::memset(block, 1, 100);
    arena->free(block);
  }
  CHECK(arena->allocate_aligned(100, 2 * Arena::largest_alignment) == nullptr);
  CHECK(arena->allocate_aligned(100, 24) == nullptr);
  CHECK(arena->allocate_aligned(100, 0) == nullptr);
  CHECK(arena->usage().used == 0);
}

TEST_CASE("sizes of nothing and of too much are no trouble", "[trap-59]") {
  auto arena = make_arena(any_kind(), 64 * KiB);
  void* nothing = arena->allocate(0);
  REQUIRE(nothing != nullptr);
  CHECK(arena->usable(nothing) == 1);
  for (const std::size_t bytes :
       {64 * KiB, 64 * KiB + 1, std::size_t{1} << 32, (std::size_t{1} << 32) + 16,
        std::numeric_limits<std::size_t>::max() - 4096, std::numeric_limits<std::size_t>::max() - 8,
        std::numeric_limits<std::size_t>::max()}) {
    CAPTURE(bytes);
    CHECK(arena->allocate(bytes) == nullptr);
  }
  arena->free(nothing);
  arena->free(nullptr);
  void* all = arena->allocate(64 * KiB - 24);
  CHECK(all != nullptr);
  CHECK(arena->allocate(1) == nullptr);
  arena->free(all);
  CHECK_FALSE(Arena::make({.bytes = 0}).has_value());
  CHECK_FALSE(Arena::make({.bytes = std::numeric_limits<std::size_t>::max()}).has_value());
}

TEST_CASE("a freed block leaves nothing behind", "[trap-57][promise-5]") {
  auto arena = make_arena(any_kind(), 256 * KiB);
  const std::string_view canary = "correct horse battery staple";
  for (const std::size_t bytes : {canary.size(), std::size_t{200}, std::size_t{1000}, std::size_t{4000},
                                  std::size_t{5000}, std::size_t{100'000}}) {
    CAPTURE(bytes);
    std::byte* block = take(*arena, bytes);
    REQUIRE(block != nullptr);
    std::memcpy(block, canary.data(), canary.size());
    std::memcpy(block + bytes - canary.size(), canary.data(), canary.size());
    CHECK(test::is_in(arena->range(), canary));
    arena->free(block);
    CHECK_FALSE(test::is_in(arena->range(), canary));
  }
}

TEST_CASE("what was freed is room again, however it was cut", "[trap-54]") {
  auto arena = make_arena(any_kind(), 1 * MiB);
  std::vector<void*> blocks;
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{500}, std::size_t{2000}, std::size_t{10'000}}) {
    while (void* block = arena->allocate(bytes)) {
      blocks.push_back(block);
    }
    // Every second one, so that the free room is in pieces first.
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
      arena->free(blocks[i]);
    }
    for (std::size_t i = 1; i < blocks.size(); i += 2) {
      arena->free(blocks[i]);
    }
    blocks.clear();
    void* whole = arena->allocate(1 * MiB - 24);
    CHECK(whole != nullptr);
    arena->free(whole);
  }
}

TEST_CASE("a full arena asks for room once and again, and gives up when nothing comes", "[promise-11]") {
  auto arena = make_arena(any_kind(), 64 * KiB);
  std::vector<void*> blocks;
  while (void* block = arena->allocate(3000)) {
    blocks.push_back(block);
  }
  int asked = 0;
  arena->set_reclaimer([&](std::size_t bytes) {
    ++asked;
    CHECK(bytes == 20'000);
    CHECK(arena->allocate(20'000) == nullptr);  // It can't ask itself.
    if (blocks.empty()) {
      return false;
    }
    arena->free(blocks.back());
    blocks.pop_back();
    return true;
  });
  CHECK(arena->allocate_without_reclaim(20'000) == nullptr);
  CHECK(asked == 0);
  void* block = arena->allocate(20'000);
  CHECK(block != nullptr);
  CHECK(asked > 1);
  const std::size_t left = blocks.size();
  CHECK(left > 0);
  CHECK(arena->allocate(65 * KiB) == nullptr);  // Could never fit, so nothing is given up for it.
  CHECK(blocks.size() == left);
  arena->free(block);
  arena->set_reclaimer({});
  for (void* each : blocks) {
    arena->free(each);
  }
}

TEST_CASE("prefaulted pages cost no fault when they are first used", "[promise-5]") {
  const auto faults = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
  };
  const auto faults_of_filling = [&](Arena& arena) {
    const long before = faults();
    for (int i = 0; i < 5000; ++i) {
      std::byte* block = take(arena, 80);
      *block = std::byte{1};
    }
    return faults() - before;
  };
  const auto kind = any_kind();
  auto cold = make_arena(kind, 2 * MiB);
  CHECK(faults_of_filling(*cold) > 100);
  auto warm = make_arena(kind, 2 * MiB);
  warm->prefault(600 * KiB);
  CHECK(faults_of_filling(*warm) < 40);
}

TEST_CASE("blocks keep their bytes whatever is taken and freed around them", "[trap-55]") {
  const auto kind = any_kind();
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  auto arena = make_arena(kind, 2 * MiB);
  struct Shadow {
    std::byte* block;
    std::vector<std::byte> bytes;
  };
  std::vector<Shadow> live;
  std::size_t refused = 0;
  for (int step = 0; step < 30'000; ++step) {
    const bool fill = (step / 3000) % 2 == 0;  // Waves, so that it is full at times and empty at others.
    if (live.empty() || random() % 100 < (fill ? 65u : 35u)) {
      const std::size_t most = std::size_t{1} << (random() % 17);
      const std::size_t bytes = 1 + random() % most;
      std::byte* block = take(*arena, bytes);
      if (block == nullptr) {
        ++refused;
        continue;
      }
      REQUIRE(holds_only(block, bytes, std::byte{0}));
      std::vector<std::byte> content(bytes, static_cast<std::byte>(random()));
      std::memcpy(block, content.data(), bytes);
      live.push_back({block, std::move(content)});
      continue;
    }
    std::swap(live[random() % live.size()], live.back());
    REQUIRE(std::memcmp(live.back().block, live.back().bytes.data(), live.back().bytes.size()) == 0);
    arena->free(live.back().block);
    live.pop_back();
  }
  std::size_t used = 0;
  for (const Shadow& shadow : live) {
    REQUIRE(std::memcmp(shadow.block, shadow.bytes.data(), shadow.bytes.size()) == 0);
    used += arena->cost(shadow.bytes.size());
  }
  CHECK(arena->usage().used == used);
  CHECK(arena->usage().blocks == live.size());
  CHECK(arena->usage().peak >= used);
  CHECK(refused > 0);
  for (const Shadow& shadow : live) {
    arena->free(shadow.block);
  }
  void* whole = arena->allocate(2 * MiB - 24);
  CHECK(whole != nullptr);
  arena->free(whole);
}

}  // namespace
}  // namespace tantalus
