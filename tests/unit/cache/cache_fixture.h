// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "tests/support/catch.h"
#include "tests/support/grant_maker.h"
#include "tests/unit/cache/arena_kinds.h"

namespace tantalus::test {

inline constexpr std::size_t KiB = 1024;
inline constexpr Instant start{std::chrono::hours(100)};

/// An arena and a cache over it, as the daemon has them.
struct CacheFixture {
  explicit CacheFixture(std::size_t bytes = 1024 * KiB,
                        Cache::Options options = {.per_domain = 512 * KiB, .per_domain_floor = 64 * KiB})
      : arena(make_arena(Arena::Kind::mlock, bytes)), cache(*arena, options) {
    arena->set_reclaimer([this](std::size_t wanted) { return cache.reclaim(wanted, DomainId::none); });
  }

  Secret secret(std::string_view text, std::size_t bytes = 0) {
    auto writer = SecretWriter::make(*arena, std::max(bytes, text.size()));
    REQUIRE(writer.has_value());
    std::memcpy(writer->room().data(), text.data(), text.size());
    writer->set_size(std::max(bytes, text.size()));
    return std::move(*writer).freeze();
  }
  Answer answer(std::string_view text, std::size_t bytes = 0) {
    return {.value = secret(text, bytes), .version = std::string(text), .updated_at = {}};
  }

  Result<CacheEntry*> put(const Policy::Fields& fields, std::string_view text, std::size_t bytes = 0) {
    return cache.put(StoredGrant(Policy::grant(fields)), answer(text, bytes), start);
  }
  CacheEntry* find(const Policy::Fields& fields) { return cache.find(Policy::grant(fields), start); }
  bool has(const Policy::Fields& fields) { return cache.peek(Policy::grant(fields)) != nullptr; }

  std::unique_ptr<Arena> arena;
  Cache cache;
};

inline std::string text_of(const CacheEntry& entry) {
  const auto bytes = entry.value->expose();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Policy::Fields key_of(std::string_view key, DomainId domain = DomainId::first) {
  return {.domain = domain, .key = key};
}

}  // namespace tantalus::test
