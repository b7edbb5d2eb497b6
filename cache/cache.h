// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/answer.h"
#include "cache/arena.h"
#include "cache/freshness.h"
#include "cache/grant.h"
#include "protocol/error.h"

namespace tantalus {

/// What the cache keeps for one grant. `value` unset: a definite not-found. Its address is good until it is dropped,
/// and so no longer than until the next put() and, where the cache is the arena's reclaimer, the next allocation there.
struct CacheEntry {
  StoredGrant grant;
  std::optional<Secret> value;
  std::string version;
  std::optional<WallMillis> updated_at;
  const Watch* watch = nullptr;
  Instant read_at{};
  Instant used_at{};  ///< Of the last find().
  std::uint64_t hits = 0;
  bool refreshing = false;  ///< A refresh is under way: set by whoever starts it, cleared by what is read, or by them.

  [[nodiscard]] Reading reading() const noexcept { return {read_at, watch, !value.has_value()}; }
};

/// Values by grant, compared field by field. Synchronous, single-threaded, without a clock: `now` is an argument.
/// Evicts by use and bytes (trap 50). A domain holds at most its share, replies under way counted, and every domain
/// with values keeps a minimum that others' pressure doesn't take (promise 11). All entries are bounded in number, too:
/// their names lie on the heap.
class Cache {
 public:
  struct Options {
    std::size_t per_domain;  ///< Bytes of the arena that one domain may hold.
    /// Bytes that other domains' pressure leaves to a domain; less where so many have values that the floors would
    /// take more than half of the arena.
    std::size_t per_domain_floor;
    std::size_t max_negative = 16384;
    std::size_t max_negative_per_domain = 4096;
    std::size_t max_values = 65536;  ///< Of these a domain may have the part that `per_domain` is of the arena.
  };

  struct Counters {
    std::uint64_t evictions = 0;
    std::size_t entries = 0;
    std::size_t negative = 0;
  };

  Cache(Arena& arena, Options options);
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache();

  void set_options(Options options) noexcept;  ///< On reload.

  /// Null when there is none. Marks it used. No allocation.
  [[nodiscard]] CacheEntry* find(const Grant& grant, Instant now) noexcept;
  /// The same, without marking it used or counting a hit.
  [[nodiscard]] CacheEntry* peek(const Grant& grant) noexcept;
  /// Replaces what is there, in its place, without marking it used. Fails with `overloaded` when the domain's share has
  /// no room although all that isn't in use was evicted; then nothing is kept.
  [[nodiscard]] Result<CacheEntry*> put(const StoredGrant& grant, Answer answer, Instant read_at);
  CacheEntry& put_missing(const StoredGrant& grant, const Watch* watch, Instant read_at);
  void drop(const Grant& grant) noexcept;

  using Predicate = std::function<bool(const CacheEntry&)>;
  std::size_t drop_if(const Predicate& predicate);
  /// Every entry at one place, whatever its field, version and scope. The visitor must not drop.
  void for_place(Source source, IntegrationId integration, std::string_view object, std::string_view key,
                 const std::function<void(CacheEntry&)>& visit);
  /// All entries, in no order. The visitor must not drop.
  void for_each(const std::function<void(CacheEntry&)>& visit);

  /// Gives up the least recently used values to free at least `bytes` of the arena, if it can, for `domain` (none: for
  /// nobody in particular, so that all floors hold); false: nothing to give.
  bool reclaim(std::size_t bytes, DomainId domain) noexcept;
  /// What a domain holds of the arena: entries, and values that only replies under way still hold.
  [[nodiscard]] std::size_t held_by(DomainId domain) const noexcept;
  [[nodiscard]] Counters counters() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
