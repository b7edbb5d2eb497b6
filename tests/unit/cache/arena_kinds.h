// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "cache/arena.h"
#include "cache/poison.h"
#include "tests/support/catch.h"

namespace tantalus::test {

/// An arena of the kind that a test asks for. Where the kernel or a sandbox has no memfd_secret, that half says so.
inline std::unique_ptr<Arena> make_arena(Arena::Kind kind, std::size_t bytes) {
  auto arena = Arena::make({.bytes = bytes, .try_memfd_secret = kind == Arena::Kind::memfd_secret});
  if (!arena) {
    return nullptr;
  }
  return std::move(*arena);
}

inline Arena::Kind any_kind() {
  static const bool has_memfd_secret =
      make_arena(Arena::Kind::memfd_secret, 4096)->usage().kind == Arena::Kind::memfd_secret;
  if (!has_memfd_secret) {
    WARN("this kernel has no memfd_secret: only mlock is tested");
    return Arena::Kind::mlock;
  }
  return GENERATE(Arena::Kind::memfd_secret, Arena::Kind::mlock);
}

/// Whether these bytes stand anywhere in the arena, in blocks in use or not.
[[gnu::no_sanitize_address]] inline bool is_in(std::span<const std::byte> range, std::string_view needle) {
  for (std::size_t at = 0; at + needle.size() <= range.size(); ++at) {
    std::size_t same = 0;
    while (same < needle.size() && range[at + same] == static_cast<std::byte>(needle[same])) {
      ++same;
    }
    if (same == needle.size()) {
      return true;
    }
  }
  return false;
}

inline constexpr bool has_asan =
#if defined(TANTALUS_HAS_ASAN)
    true;
#else
    false;
#endif

}  // namespace tantalus::test
