// SPDX-License-Identifier: Apache-2.0
#include "client/src/locked.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "tests/support/catch.h"

namespace {

using tantalus::client::LockedBuffer;
using tantalus::client::LockedHeap;

/// The VmFlags of the mapping that holds `address` (proc_pid_smaps(5)).
std::string flags_of(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    char* rest = nullptr;
    const std::uintptr_t begin = std::strtoull(line.c_str(), &rest, 16);
    if (*rest == '-') {
      inside = wanted >= begin && wanted < std::strtoull(rest + 1, nullptr, 16);
    } else if (inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return "";
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

TEST_CASE("blocks are locked, out of core dumps and wiped on fork", "[client][promise-5]") {
  const auto heap = LockedHeap::make();
  for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{300'000}}) {
    const std::span<std::byte> block = heap->allocate(size);
    REQUIRE(block.size() >= size);
    const std::string flags = flags_of(block.data());
    CHECK_THAT(flags, Catch::Matchers::ContainsSubstring(" lo "));
    CHECK_THAT(flags, Catch::Matchers::ContainsSubstring(" dd "));
    CHECK_THAT(flags, Catch::Matchers::ContainsSubstring(" wf "));
    heap->release(block);
  }
  CHECK(heap->is_locked());
}

TEST_CASE("where memory can't be locked blocks are still kept out of core dumps", "[client][promise-5]") {
  if (geteuid() == 0) {  // Root may always lock: a child that is nobody may not.
    const pid_t child = fork();
    if (child == 0) {
      const rlimit none{0, 0};
      bool right = setrlimit(RLIMIT_MEMLOCK, &none) == 0 && setresuid(65534, 65534, 65534) == 0;
      const auto heap = LockedHeap::make();
      const std::span<std::byte> block = heap->allocate(100);
      right = right && !heap->is_locked() && !block.empty();
      _exit(right ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}

TEST_CASE("freed blocks come back as zeros and never overlap", "[client]") {
  const auto heap = LockedHeap::make();
  std::vector<std::span<std::byte>> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 1; size < 100'000; size = size * 3 + 7) {
      const std::span<std::byte> block = heap->allocate(size);
      REQUIRE(block.size() >= size);
      REQUIRE(is_zero(block));
      CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % 64 == 0);
      std::ranges::fill(block, std::byte{0xAA});
      blocks.push_back(block);
    }
    std::ranges::sort(blocks, {}, [](auto block) { return block.data(); });
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      REQUIRE(blocks[i - 1].data() + blocks[i - 1].size() <= blocks[i].data());
    }
    for (const auto block : blocks) {
      heap->release(block);
    }
    blocks.clear();
  }
}

TEST_CASE("a child finds zeros and knows it", "[client]") {
  const auto heap = LockedHeap::make();
  const std::span<std::byte> block = heap->allocate(64);
  std::ranges::fill(block, std::byte{7});
  const pid_t child = fork();
  if (child == 0) {
    const bool right = heap->is_forked() && is_zero(block);
    heap->release(block);
    _exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK_FALSE(heap->is_forked());
}

TEST_CASE("a buffer that grows, shrinks and is emptied leaves nothing behind", "[client][trap-58]") {
  const auto heap = LockedHeap::make();
  LockedBuffer buffer(heap);
  const std::string text(300, 's');
  REQUIRE(buffer.append(std::as_bytes(std::span(text))));
  const std::span<std::byte> small = buffer.bytes();
  REQUIRE(buffer.append(std::as_bytes(std::span(text))));
  CHECK(buffer.bytes().size() == 600);
  CHECK(is_zero(small));
  buffer.consume(500);
  CHECK(buffer.bytes().size() == 100);
  CHECK(is_zero(buffer.room()));
  buffer.shorten(99);
  CHECK(is_zero(buffer.room()));
  CHECK(buffer.bytes().size() == 1);
}
