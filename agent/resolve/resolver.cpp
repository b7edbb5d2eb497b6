// SPDX-License-Identifier: Apache-2.0
#include "agent/resolve/resolver.h"

#include <chrono>
#include <utility>
#include <vector>

namespace tantalus {
namespace {

constexpr std::size_t most_flights = 65536;  // Callers are bounded before it; this bounds what is left of a bug.
constexpr Millis refresh_deadline = std::chrono::seconds(30);

}  // namespace

std::size_t Resolver::FlightHash::operator()(const FlightKey& key) const noexcept {
  const Grant grant = key.grant.view();
  return place_hash(grant.source, grant.integration, grant.object, grant.key);
}

Resolver::Resolver(Cache& cache, Io& io, FreshnessRules rules)
    : cache_(cache), io_(io), rules_(rules), flights_(most_flights) {}

Resolver::Counters Resolver::counters() const noexcept {
  Counters counters = counters_;
  counters.joins = flights_.joins();
  return counters;
}

std::optional<Resolver::Hit> Resolver::find(const Grant& grant, std::optional<Millis> max_age, Instant now) noexcept {
  const CacheEntry* entry = cache_.find(grant, now);
  if (entry == nullptr) {
    return std::nullopt;
  }
  const Freshness freshness = judge(rules_, entry->reading(), max_age, now);
  if (!freshness.usable) {
    return std::nullopt;
  }
  ++counters_.hits[index(grant.source)];
  return Hit{entry, freshness};
}

void Resolver::refresh(const Grant& grant) {
  CacheEntry* entry = cache_.peek(grant);
  if (entry == nullptr || entry->refreshing || gate_ == nullptr) {
    return;
  }
  entry->refreshing = true;
  (void)gate_->enter(refresh_later(StoredGrant(grant)));  // A closed gate: the agent is stopping.
}

Task<void> Resolver::refresh_later(StoredGrant grant) {
  auto reading = join(grant, io_.now() + refresh_deadline, never_);
  const Result<Reading> outcome = co_await reading;
  if (!outcome.has_value()) {
    if (CacheEntry* entry = cache_.peek(grant.view())) {
      entry->refreshing = false;  // It failed: the next hit tries again.
    }
  }
}

Task<Result<Resolved>> Resolver::resolve(StoredGrant grant, std::optional<Millis> max_age, Instant deadline,
                                         Cancel& cancel) {
  ++counters_.misses[index(grant.view().source)];
  const bool forced = max_age == Millis{0};
  if (forced && flights_.flies({grant})) {
    // What is under way may have read before this was asked. Whoever begins after it has landed is young enough.
    auto older = join(grant, deadline, cancel);
    const Result<Reading> ignored = co_await older;
    if (cancel.is_cancelled()) {
      co_return fail(Code::unavailable, "the caller left");
    }
  }
  auto reading = join(grant, deadline, cancel);
  Result<Reading> outcome = co_await reading;
  if (outcome.has_value()) {
    co_return Resolved{std::move(outcome->value),
                       std::move(outcome->version),
                       outcome->updated_at,
                       Millis{0},
                       rules_.ttl,
                       false,
                       false};
  }
  if (outcome.error().code == Code::unavailable && !forced && !cancel.is_cancelled()) {
    if (std::optional<Resolved> stale = stale_answer(grant.view(), max_age)) {
      ++counters_.stale[index(grant.view().source)];
      co_return std::move(*stale);
    }
  }
  co_return std::unexpected(std::move(outcome.error()));
}

Task<Result<Resolver::Reading>> Resolver::join(StoredGrant grant, Instant deadline, Cancel& cancel) {
  FlightKey key{grant};
  auto start = [this, grant = std::move(grant), deadline](Cancel& flight) mutable {
    return read(std::move(grant), deadline, flight);
  };
  auto flight = flights_.join(std::move(key), std::move(start), cancel);
  Result<Reading> outcome = co_await flight;
  co_return std::move(outcome);
}

Task<Result<Resolver::Reading>> Resolver::read(StoredGrant grant, Instant deadline, Cancel& cancel) {
  Backend* backend = backends_[index(grant.view().source)];
  if (backend == nullptr) {
    co_return fail(Code::misconfigured, "this source is not enabled on this node");
  }
  const std::uint64_t epoch = epoch_;
  const Instant asked_at = io_.now();
  auto fetching = backend->fetch(grant, deadline, cancel);
  Result<Answer> answer = co_await fetching;
  const bool changed_meanwhile = epoch != epoch_;
  if (!answer.has_value()) {
    keep_failure(grant, answer.error(), changed_meanwhile);
    co_return std::unexpected(std::move(answer.error()));
  }
  Reading reading{answer->value.share(), answer->version, answer->updated_at};
  if (!changed_meanwhile) {
    // A value is as old as the moment it was asked for.
    const Result<CacheEntry*> kept = cache_.put(grant, std::move(*answer), asked_at);
    if (!kept.has_value()) {
      co_return std::unexpected(kept.error());
    }
  }
  co_return std::move(reading);
}

void Resolver::keep_failure(const StoredGrant& grant, const Error& error, bool changed_meanwhile) {
  switch (error.code) {
    case Code::not_found:
      if (changed_meanwhile) {
        cache_.drop(grant.view());
      } else {
        cache_.put_missing(grant, nullptr, io_.now());
      }
      return;
    case Code::unavailable:
    case Code::overloaded:
    case Code::internal:
      return;  // Down, or full: what is cached may go on (trap 47).
    default:
      cache_.drop(grant.view());  // The backend answered, and it is no value.
      return;
  }
}

std::optional<Resolved> Resolver::stale_answer(const Grant& grant, std::optional<Millis> max_age) {
  const Instant now = io_.now();
  CacheEntry* entry = cache_.find(grant, now);
  if (entry == nullptr || !entry->value.has_value() || !may_serve_stale(rules_, entry->reading(), now)) {
    return std::nullopt;
  }
  const Freshness freshness = judge(rules_, entry->reading(), max_age, now);
  if (max_age.has_value() && freshness.age > *max_age) {
    return std::nullopt;
  }
  return Resolved{entry->value->share(), entry->version, entry->updated_at,         freshness.age,
                  freshness.ttl,         true,           freshness.ttl == Millis{0}};
}

std::size_t Resolver::flush(const Cache::Predicate& predicate) {
  ++epoch_;
  return cache_.drop_if(predicate);
}

Freshness Resolver::freshness_of(const CacheEntry& entry, Instant now) const noexcept {
  return judge(rules_, entry.reading(), std::nullopt, now);
}

void Resolver::on_value_changed(Source source, IntegrationId integration, std::string_view object,
                                std::string_view key) {
  ++epoch_;
  std::vector<StoredGrant> stale;
  cache_.for_place(source, integration, object, key, [&](CacheEntry& entry) { stale.push_back(entry.grant); });
  for (const StoredGrant& grant : stale) {
    cache_.drop(grant.view());
  }
  if (place_listener_) {
    place_listener_(source, integration, object, key);
  }
}

void Resolver::on_health_changed(Source) {}

}  // namespace tantalus
