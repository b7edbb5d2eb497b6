// SPDX-License-Identifier: Apache-2.0
#include "agent/resolve/resolver.h"

#include <chrono>
#include <utility>
#include <vector>

namespace tantalus {
namespace {

constexpr std::size_t most_flights = 65536;  // Callers are bounded before it; this bounds what is left of a bug.
constexpr Millis refresh_deadline = std::chrono::seconds(30);
constexpr Millis pause_after_failure = std::chrono::seconds(1);  // Of refreshes, which no caller is charged for.

}  // namespace

struct Resolver::UnderWay {
  UnderWay(Resolver& resolver, StoredGrant of, Instant now)
      : grant(std::move(of)),
        asked_at(now),
        reads(resolver.reads_),
        place(reads.emplace(place_of(grant.view()), this)) {}
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() { reads.erase(place); }

  [[nodiscard]] static std::size_t place_of(const Grant& grant) noexcept {
    return place_hash(grant.source, grant.integration, grant.object, grant.key);
  }

  StoredGrant grant;
  Instant asked_at;
  bool outdated =
      false;  ///< Its place changed, or was flushed: what it brings is not kept, nor given to who comes now.
  std::unordered_multimap<std::size_t, UnderWay*>& reads;
  std::unordered_multimap<std::size_t, UnderWay*>::iterator place;
};

std::size_t Resolver::FlightHash::operator()(const FlightKey& key) const noexcept {
  return UnderWay::place_of(key.grant.view());
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

bool Resolver::has(const Grant& grant, std::optional<Millis> max_age, Instant now) const noexcept {
  const CacheEntry* entry = cache_.peek(grant);
  return entry != nullptr && judge(rules_, entry->reading(), max_age, now).usable;
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
  Cancel never;
  auto reading = join(grant, io_.now() + refresh_deadline, never);
  const Result<Reading> outcome = co_await reading;
  if (!outcome.has_value()) {
    // Until the pause is over no hit tries again, however many there are.
    auto pause = io_.sleep_until(io_.now() + pause_after_failure, never);
    co_await pause;
  }
  if (CacheEntry* entry = cache_.peek(grant.view())) {
    entry->refreshing = false;  // It failed, or was not kept.
  }
}

const Resolver::UnderWay* Resolver::under_way(const Grant& grant) const noexcept {
  const auto [first, last] = reads_.equal_range(UnderWay::place_of(grant));
  for (auto at = first; at != last; ++at) {
    if (at->second->grant.view() == grant) {
      return at->second;
    }
  }
  return nullptr;
}

bool Resolver::is_young_enough(const UnderWay& read, std::optional<Millis> max_age) const noexcept {
  return !read.outdated && (!max_age.has_value() || (*max_age > Millis{0} && io_.now() - read.asked_at <= *max_age));
}

bool Resolver::would_join(const Grant& grant, std::optional<Millis> max_age) const noexcept {
  const UnderWay* read = under_way(grant);
  return read != nullptr && is_young_enough(*read, max_age);
}

Task<Result<Resolved>> Resolver::resolve(StoredGrant grant, std::optional<Millis> max_age, Instant deadline,
                                         Cancel& cancel) {
  ++counters_.misses[index(grant.view().source)];
  const bool forced = max_age == Millis{0};
  if (const UnderWay* read = under_way(grant.view()); read != nullptr && !is_young_enough(*read, max_age)) {
    // Whichever begins after it has landed is young enough: it began after this was asked.
    auto older = join(grant, deadline, cancel);
    const Result<Reading> ignored = co_await older;
    if (cancel.is_cancelled()) {
      co_return fail(Code::unavailable, "the caller left");
    }
  }
  auto reading = join(grant, deadline, cancel);
  Result<Reading> outcome = co_await reading;
  if (outcome.has_value()) {
    const Freshness freshness = judge(rules_, {outcome->read_at, outcome->watch, false}, std::nullopt, io_.now());
    co_return Resolved{std::move(outcome->value),
                       std::move(outcome->version),
                       outcome->updated_at,
                       freshness.age,
                       freshness.ttl,
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
  const UnderWay read(*this, std::move(grant), io_.now());
  auto fetching = backend->fetch(read.grant, deadline, cancel);
  Result<Answer> answer = co_await fetching;
  if (!answer.has_value()) {
    keep_failure(read, answer.error());
    co_return std::unexpected(std::move(answer.error()));
  }
  // A value is as old as the moment it was asked for.
  Reading reading{answer->value.share(), answer->version, answer->updated_at, answer->watch, read.asked_at};
  if (!read.outdated) {
    const Result<CacheEntry*> kept = cache_.put(read.grant, std::move(*answer), read.asked_at);
    if (!kept.has_value()) {
      co_return std::unexpected(kept.error());
    }
  }
  co_return std::move(reading);
}

void Resolver::keep_failure(const UnderWay& read, const Error& error) {
  switch (error.code) {
    case Code::not_found:
      if (read.outdated) {
        cache_.drop(read.grant.view());
      } else {
        cache_.put_missing(read.grant, nullptr, read.asked_at);
      }
      return;
    case Code::unavailable:
    case Code::overloaded:
    case Code::internal:
      return;  // Down, or full: what is cached may go on (trap 47).
    default:
      cache_.drop(read.grant.view());  // The backend answered, and it is no value.
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
  for (const auto& [place, read] : reads_) {
    read->outdated = true;
  }
  return cache_.drop_if(predicate);
}

Freshness Resolver::freshness_of(const CacheEntry& entry, Instant now) const noexcept {
  return judge(rules_, entry.reading(), std::nullopt, now);
}

void Resolver::on_value_changed(Source source, IntegrationId integration, std::string_view object,
                                std::string_view key) {
  const auto [first, last] = reads_.equal_range(place_hash(source, integration, object, key));
  for (auto at = first; at != last; ++at) {
    const Grant grant = at->second->grant.view();
    at->second->outdated = at->second->outdated || (grant.source == source && grant.integration == integration &&
                                                    grant.object == object && grant.key == key);
  }
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
