// SPDX-License-Identifier: Apache-2.0
// Each child makes an arena of its own (it wouldn't inherit one) and breaks it.
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "cache/arena.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus {
namespace {

using test::any_kind;
using test::Ended;

Ended with_arena(Arena::Kind kind, const std::function<void(Arena&)>& body) {
  return test::in_child([&](int out) {
    ::dup2(out, STDERR_FILENO);
    auto arena = test::make_arena(kind, 256 * 1024);
    body(*arena);
    arena.reset();
    return 0;
  });
}

/// AddressSanitizer finds most of these before the arena does.
bool aborted_because(const Ended& ended, const char* why) {
  if (test::has_asan && !ended.exited_with(0)) {
    return true;
  }
  return ended.killed_by(SIGABRT) && ended.said.find(why) != std::string::npos;
}

std::vector<std::size_t> sizes(std::initializer_list<std::size_t> list) {
  return list;
}

std::byte* take(Arena& arena, std::size_t bytes) {
  return static_cast<std::byte*>(arena.allocate(bytes));
}

/// Out of the compiler's sight, which would refuse some of these writes.
[[gnu::noinline]] void write_at(std::byte* at, std::ptrdiff_t offset, std::byte what) {
  volatile std::byte* where = at + offset;
  *where = what;
}

TEST_CASE("a block written past its end by one byte ends the process", "[trap-55]") {
  const auto kind = any_kind();
  for (const std::size_t bytes : sizes({1, 15, 16, 17, 24, 100, 489, 4072, 4073, 5000, 8168, 20'000})) {
    for (const std::byte what : {std::byte{0}, std::byte{'x'}, std::byte{0xff}}) {
      CAPTURE(bytes, static_cast<int>(what));
      const Ended ended = with_arena(kind, [&](Arena& arena) {
        std::byte* block = take(arena, bytes);
        // What stands there may happen to be this very byte: then another is written.
        const volatile std::byte* there = block + bytes;
        write_at(block, static_cast<std::ptrdiff_t>(bytes), *there == what ? what ^ std::byte{0x10} : what);
        arena.free(block);
      });
      CHECK(aborted_because(ended, "written past its end"));
    }
  }
}

TEST_CASE("a block written eight bytes before its begin ends the process", "[trap-55]") {
  const auto kind = any_kind();
  for (const std::size_t bytes : sizes({16, 100, 1000, 5000, 20'000})) {
    for (const int others : {0, 1, 2}) {
      CAPTURE(bytes, others);
      const Ended ended = with_arena(kind, [&](Arena& arena) {
        std::byte* before = others > 0 ? take(arena, bytes) : nullptr;
        std::byte* block = take(arena, bytes);
        if (others == 1) {
          arena.free(before);  // Its neighbour is a free slot.
        }
        for (std::ptrdiff_t at = -8; at < 0; ++at) {
          write_at(block, at, std::byte{0x41});
        }
        arena.free(block);
      });
      CHECK(aborted_because(ended, "written before its begin"));
    }
  }
}

TEST_CASE("a block freed twice ends the process", "[trap-55]") {
  const auto kind = any_kind();
  for (const std::size_t bytes : sizes({16, 100, 4000, 5000, 100'000})) {
    CAPTURE(bytes);
    CHECK(aborted_because(with_arena(kind,
                                     [&](Arena& arena) {
                                       std::byte* kept = take(arena, bytes);
                                       std::byte* block = take(arena, bytes);
                                       arena.free(block);
                                       arena.free(block);
                                       arena.free(kept);
                                     }),
                          "was freed before"));
  }
}

TEST_CASE("what is not a block of the arena ends the process", "[trap-55]") {
  const auto kind = any_kind();
  const auto frees = [&](const std::function<void*(Arena&)>& pointer) {
    return aborted_because(with_arena(kind, [&](Arena& arena) { arena.free(pointer(arena)); }), "not a block");
  };
  int elsewhere = 0;
  CHECK(frees([&](Arena&) { return &elsewhere; }));
  CHECK(frees([](Arena& arena) { return take(arena, 100) + 16; }));
  CHECK(frees([](Arena& arena) { return take(arena, 100) + 1; }));
  CHECK(frees([](Arena& arena) { return take(arena, 100) - 8; }));
  CHECK(frees([](Arena& arena) { return take(arena, 100) - 16; }));
  CHECK(frees([](Arena& arena) { return take(arena, 20'000) + 4096; }));
  CHECK(frees([](Arena& arena) { return take(arena, 20'000) + 16; }));
  CHECK(frees([](Arena& arena) { return const_cast<std::byte*>(arena.range().data()); }));
  CHECK(frees([](Arena& arena) { return const_cast<std::byte*>(arena.range().data() + arena.range().size()); }));
}

TEST_CASE("a freed block that was written to ends the process when it is taken again", "[trap-55]") {
  const Ended ended = with_arena(any_kind(), [](Arena& arena) {
    std::byte* kept = take(arena, 100);
    std::byte* block = take(arena, 100);
    arena.free(block);
    write_at(block, 40, std::byte{1});
    std::byte* again = take(arena, 100);
    arena.free(again);
    arena.free(kept);
  });
  CHECK(aborted_because(ended, "a freed block of the arena was written to"));
}

TEST_CASE("the arena's canary differs from process to process", "[trap-55]") {
  // Whoever learns the words around a block here can't write them in another agent.
  const auto kind = any_kind();
  const auto words = [&] {
    return test::in_child([&](int out) {
             auto arena = test::make_arena(kind, 256 * 1024);
             std::byte* block = take(*arena, 24);
             // The word depends on its address, which differs as well, so what must differ is what both don't explain.
             std::uint64_t word = 0;
             for (std::size_t i = 0; i < sizeof word; ++i) {
               volatile std::byte* at = block + 24 + i;
               word |= std::to_integer<std::uint64_t>(*at) << (8 * i);
             }
             word ^= reinterpret_cast<std::uintptr_t>(block + 24) * 0x9e3779b97f4a7c15U;
             test::say(out, std::to_string(word));
             return 0;
           })
        .said;
  };
  if (test::has_asan) {
    return;  // It keeps everybody from those bytes.
  }
  CHECK(words() != words());
}

TEST_CASE("a step beyond either end of the arena ends the process", "[trap-55][promise-5]") {
  const auto kind = any_kind();
  const auto ends = [&](const std::function<std::byte*(Arena&)>& place, bool write) {
    const Ended ended = with_arena(kind, [&](Arena& arena) {
      volatile std::byte* at = place(arena);
      if (write) {
        *at = std::byte{1};
      } else {
        [[maybe_unused]] const std::byte read = *at;
      }
    });
    return ended.killed_by(SIGSEGV) || (test::has_asan && !ended.exited_with(0));
  };
  const auto begin = [](Arena& arena) { return const_cast<std::byte*>(arena.range().data()); };
  const auto end = [&](Arena& arena) { return begin(arena) + arena.range().size(); };
  for (const bool write : {false, true}) {
    CHECK(ends([&](Arena& arena) { return begin(arena) - 1; }, write));
    CHECK(ends([&](Arena& arena) { return begin(arena) - 4096; }, write));
    CHECK(ends([&](Arena& arena) { return end(arena); }, write));
    CHECK(ends([&](Arena& arena) { return end(arena) + 4095; }, write));
  }
  CHECK(with_arena(kind, [&](Arena& arena) { static_cast<void>(take(arena, 1)); }).exited_with(0));
}

TEST_CASE("a block freed on another thread ends the process", "[promise-5]") {
  const Ended ended = with_arena(any_kind(), [](Arena& arena) {
    std::byte* block = take(arena, 100);
    std::thread([&] { arena.free(block); }).join();
  });
  CHECK(aborted_because(ended, "on another thread"));
}

}  // namespace
}  // namespace tantalus
