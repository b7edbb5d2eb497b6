// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "backends/async/cancel.h"
#include "backends/async/gate.h"
#include "backends/async/single_flight.h"
#include "backends/async/task.h"
#include "backends/backend.h"
#include "backends/io.h"
#include "cache/cache.h"
#include "cache/freshness.h"
#include "cache/grant.h"

namespace tantalus {

/// A value on its way to a caller. Owns a handle to the bytes and the rest of the answer.
struct Resolved {
  Secret value;
  std::string version;
  std::optional<WallMillis> updated_at;
  Millis age{0};
  Millis ttl{0};
  bool cached = false;
  bool stale = false;
};

/// A grant becomes a value: the cache first, then its backend, once for all who wait, and a stale value where the
/// backend is down. Takes grants alone, so nothing reaches a value that no policy allowed. Loop thread only; outlives
/// every task that it made.
class Resolver final : public ChangeListener {
 public:
  struct Counters {
    std::array<std::uint64_t, 3> hits{}, misses{}, stale{};  ///< By Source.
    std::uint64_t joins = 0;                                 ///< Callers that found their read under way.
  };
  /// What find() answers; `entry->value` unset: a definite not-found. Valid until the next call that can evict.
  struct Hit {
    const CacheEntry* entry;
    Freshness freshness;
  };

  Resolver(Cache& cache, Io& io, FreshnessRules rules);

  void set_backend(Source source, Backend& backend) noexcept { backends_[index(source)] = &backend; }
  /// Whether no backend is being asked.
  [[nodiscard]] bool is_idle() const noexcept { return flights_.under_way() == 0 && users_ == 0; }
  /// For who asks a backend by itself: until its end is_idle() is false, so that a backend that was replaced stays.
  class [[nodiscard]] Use {
   public:
    explicit Use(Resolver& of) noexcept : of_(of) { ++of_.users_; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { --of_.users_; }

   private:
    Resolver& of_;
  };
  void clear_backend(Source source) noexcept { backends_[index(source)] = nullptr; }
  [[nodiscard]] Backend* backend(Source source) const noexcept { return backends_[index(source)]; }
  void set_rules(FreshnessRules rules) noexcept { rules_ = rules; }
  /// Who hears that a place may hold another value; called after its cached values were dropped.
  using PlaceListener = std::function<void(Source, IntegrationId, std::string_view object, std::string_view key)>;
  void set_place_listener(PlaceListener listener) { place_listener_ = std::move(listener); }
  /// Refreshes run here; refused silently when it is closed.
  void set_gate(Gate& gate) noexcept { gate_ = &gate; }

  /// The cached path: never waits, allocates or logs. Null: resolve() must ask.
  [[nodiscard]] std::optional<Hit> find(const Grant& grant, std::optional<Millis> max_age, Instant now) noexcept;

  /// Whether find() would answer; counts nothing.
  [[nodiscard]] bool has(const Grant& grant, std::optional<Millis> max_age, Instant now) const noexcept;

  /// Reads an entry again before its TTL ends, while it is answered. For a hit that wants it.
  void refresh(const Grant& grant);

  /// Whether resolve() would share a read that is under way, so that it costs the backend nothing.
  [[nodiscard]] bool would_join(const Grant& grant, std::optional<Millis> max_age) const noexcept;

  /// Reads the backend, together with all who wait for the same grant; whoever of them leaves takes only its own place.
  /// Never shares a read that may bring what is too old: one that began before its place changed or was flushed, or
  /// longer ago than `max_age`, which for 0 is any (trap 45). `max_age` 0 is never answered by a stale value (trap 48).
  /// Fails as Backend::fetch() does. `cancel` outlives the task.
  [[nodiscard]] Task<Result<Resolved>> resolve(StoredGrant grant, std::optional<Millis> max_age, Instant deadline,
                                               Cancel& cancel);

  /// Drops what matches and keeps reads under way from being cached. How many entries went.
  std::size_t flush(const Cache::Predicate& predicate);
  /// What a cached entry is worth at this moment, for showing.
  [[nodiscard]] Freshness freshness_of(const CacheEntry& entry, Instant now) const noexcept;
  [[nodiscard]] const FreshnessRules& rules() const noexcept { return rules_; }
  [[nodiscard]] Counters counters() const noexcept;

  void on_value_changed(Source source, IntegrationId integration, std::string_view object,
                        std::string_view key) override;
  void on_health_changed(Source source) override;

 private:
  /// What one read brings to all who waited for it.
  struct Reading {
    Secret value;
    std::string version;
    std::optional<WallMillis> updated_at;
    const Watch* watch;
    Instant read_at;
    [[nodiscard]] Reading share() const { return {value.share(), version, updated_at, watch, read_at}; }
  };
  /// A read under way, in the frame of it.
  struct UnderWay;
  struct FlightKey {
    StoredGrant grant;
    friend bool operator==(const FlightKey& a, const FlightKey& b) noexcept { return a.grant.view() == b.grant.view(); }
  };
  struct FlightHash {
    std::size_t operator()(const FlightKey& key) const noexcept;
  };

  [[nodiscard]] static std::size_t index(Source source) noexcept { return static_cast<std::size_t>(source); }
  [[nodiscard]] Task<Result<Reading>> join(StoredGrant grant, Instant deadline, Cancel& cancel);
  /// The one read: asks the backend and keeps what it says.
  [[nodiscard]] Task<Result<Reading>> read(StoredGrant grant, Instant deadline, Cancel& cancel);
  void keep_failure(const UnderWay& read, const Error& error);
  [[nodiscard]] const UnderWay* under_way(const Grant& grant) const noexcept;
  [[nodiscard]] bool is_young_enough(const UnderWay& read, std::optional<Millis> max_age) const noexcept;
  [[nodiscard]] std::optional<Resolved> stale_answer(const Grant& grant, std::optional<Millis> max_age);
  [[nodiscard]] Task<void> refresh_later(StoredGrant grant);

  Cache& cache_;
  Io& io_;
  FreshnessRules rules_;
  Gate* gate_ = nullptr;
  std::array<Backend*, 3> backends_{};
  PlaceListener place_listener_;
  Counters counters_;
  std::size_t users_ = 0;
  std::unordered_multimap<std::size_t, UnderWay*> reads_;  ///< By place_hash().
  SingleFlight<FlightKey, Reading, FlightHash> flights_;   ///< Last: its reads use all the others.
};

}  // namespace tantalus
