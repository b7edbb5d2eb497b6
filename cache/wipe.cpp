// SPDX-License-Identifier: Apache-2.0
#include "cache/wipe.h"

#include <cstdint>
#include <cstring>

#include "protocol/error.h"

namespace tantalus {

void wipe(std::span<std::byte> bytes) noexcept {
  if (!bytes.empty()) {
    ::explicit_bzero(bytes.data(), bytes.size());
  }
}

// Not inlined, so that its frame, and with it what it wipes, begins where the caller's ends.
[[gnu::noinline, gnu::no_sanitize_address]] void wipe_stack_below(std::size_t bytes) noexcept {
  constexpr std::size_t most = std::size_t{512} * 1024;  // Far below the 8 MiB that a main thread has.
  check(bytes <= most, "wipe_stack_below: more than a stack may hold");
  if (bytes != 0) {
    ::explicit_bzero(__builtin_alloca(bytes), bytes);
  }
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size()) {
    return false;
  }
  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= std::to_integer<std::uint32_t>(a[i] ^ b[i]);
    // The compiler may not know what was gathered so far, else it could leave the loop at the first difference.
    asm volatile("" : "+r"(difference));
  }
  return difference == 0;
}

}  // namespace tantalus
