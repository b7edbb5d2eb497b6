// SPDX-License-Identifier: Apache-2.0
#include "cache/wipe.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/child.h"

namespace tantalus {
namespace {

constexpr std::size_t mark_bytes = 4096;

/// Leaves marks on the stack below its caller, as a library that worked with a value would.
[[gnu::noinline, gnu::no_sanitize_address]] std::uintptr_t leave_marks() {
  std::array<volatile std::uint64_t, mark_bytes / 8> marks{};
  for (auto& mark : marks) {
    mark = 0x5ec4e7005ec4e700;
  }
  auto address = reinterpret_cast<std::uintptr_t>(marks.data());
  asm volatile("" : "+r"(address));  // That it points to what has ended is the point.
  return address;
}

[[gnu::noinline, gnu::no_sanitize_address]] std::size_t marks_at(std::uintptr_t address) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < mark_bytes / 8; ++i) {
    found += reinterpret_cast<const volatile std::uint64_t*>(address)[i] == 0x5ec4e7005ec4e700 ? 1 : 0;
  }
  return found;
}

TEST_CASE("a wipe leaves zeros", "[promise-5]") {
  std::vector<std::byte> bytes(1000, std::byte{7});
  wipe(std::span(bytes).subspan(1, 998));
  CHECK(bytes.front() == std::byte{7});
  CHECK(bytes.back() == std::byte{7});
  for (std::size_t i = 1; i < 999; ++i) {
    REQUIRE(bytes[i] == std::byte{0});
  }
  wipe({});
}

TEST_CASE("the stack below the caller is wiped", "[promise-6]") {
  const std::uintptr_t unwiped = leave_marks();
  const std::size_t left = marks_at(unwiped);
  CHECK(left > mark_bytes / 16);  // Else the next line would prove nothing.
  const std::uintptr_t marks = leave_marks();
  wipe_stack_below(64 * 1024);
  CHECK(marks_at(marks) == 0);
  wipe_stack_below(0);
}

TEST_CASE("more than the stack may hold is refused before it is touched", "[promise-6]") {
  CHECK(test::in_child([](int) {
          wipe_stack_below(1024 * 1024);
          return 0;
        }).killed_by(SIGABRT));
}

TEST_CASE("secrets are equal when every byte is", "[trap-65]") {
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  CHECK(equal_in_constant_time({}, {}));
  CHECK(equal_in_constant_time(bytes("a long enough token"), bytes("a long enough token")));
  CHECK_FALSE(equal_in_constant_time(bytes("a"), {}));
  CHECK_FALSE(equal_in_constant_time(bytes("a"), bytes("ab")));
  std::vector<std::byte> one(64, std::byte{0x11});
  for (std::size_t at = 0; at < one.size(); ++at) {
    for (const unsigned bit : {0u, 3u, 7u}) {
      auto other = one;
      other[at] ^= std::byte{1} << bit;
      REQUIRE_FALSE(equal_in_constant_time(one, other));
    }
  }
}

}  // namespace
}  // namespace tantalus
