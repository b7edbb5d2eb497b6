// SPDX-License-Identifier: Apache-2.0
// The resolver and all that it keeps, in worlds that a seed makes: hours of changes, outages, slow reads and callers
// who leave, in moments. What is checked stands in resolver_world.cpp.
#include <functional>

#include "tests/sim/resolver_world.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace tantalus::test {
namespace {

constexpr unsigned long worlds = 150;
constexpr int steps = 400;

const AttestedCallers& callers() {
  static const AttestedCallers made({"finance", "ops", "sales"});
  return made;
}

void add(ResolverWorld::Seen& sum, const ResolverWorld::Seen& seen) {
  sum.hits += seen.hits;
  sum.reads += seen.reads;
  sum.stale += seen.stale;
  sum.negative += seen.negative;
  sum.failures += seen.failures;
  sum.left += seen.left;
  sum.told += seen.told;
  sum.overloaded += seen.overloaded;
}

ResolverWorld::Seen run_worlds(const ResolverWorld::Options& options) {
  const unsigned long first = test_seed();
  ResolverWorld::Seen sum;
  for (unsigned long seed = first; seed != first + worlds; ++seed) {
    INFO("TANTALUS_TEST_SEED=" << seed);
    ResolverWorld world(seed, options, callers());
    for (int i = 0; i < steps; ++i) {
      world.step();
    }
    if (seed % 3 != 0) {  // Else it ends in the middle of everything.
      world.settle();
      world.empty();
    }
    add(sum, world.seen());
  }
  return sum;
}

/// The same parts with nothing left to chance.
struct Quiet final : Landings {
  explicit Quiet(std::size_t arena_bytes = 256 * 1024) : rules{Millis{5'000}, Millis{20'000}, Millis{1'000}, 80} {
    Result<std::unique_ptr<Arena>> made = Arena::make({.bytes = arena_bytes});
    REQUIRE(made.has_value());
    arena = std::move(*made);
    cache = std::make_unique<Cache>(*arena, Cache::Options{.per_domain = arena_bytes, .per_domain_floor = 0});
    arena->set_reclaimer([this](std::size_t bytes) { return cache->reclaim(bytes, DomainId::none); });
    backend = std::make_unique<ScriptedBackend>(Source::file, io, *arena, truth, *this, random);
    backend->script.slow = Millis{0};
    backend->script.hangs_one_in = 1'000'000'000;
    resolver = std::make_unique<Resolver>(*cache, io, rules);
    resolver->set_backend(Source::file, *backend);
    resolver->set_gate(gate);
  }
  void on_landed(const Landing&) override {}

  [[nodiscard]] static StoredGrant grant_of(const std::string& key) {
    Reference reference;
    reference.key = key;
    reference.source = Source::file;
    return callers().grant(0, reference);
  }
  Result<Resolved> read(const StoredGrant& grant) {
    Task<Result<Resolved>> task =
        resolver->resolve(StoredGrant(grant), std::nullopt, io.now() + std::chrono::seconds(30), never);
    task.start();
    REQUIRE(task.is_done());
    return task.take();
  }
  /// Asks as the server does; whether the cache answered.
  bool hit(const StoredGrant& grant) {
    const auto found = resolver->find(grant.view(), std::nullopt, io.now());
    if (found.has_value() && found->freshness.wants_refresh) {
      resolver->refresh(grant.view());
    }
    gate.sweep();
    return found.has_value();
  }

  SimIo io;
  FreshnessRules rules;
  std::mt19937 random{1};
  Truth truth;
  std::unique_ptr<Arena> arena;
  std::unique_ptr<Cache> cache;
  std::unique_ptr<ScriptedBackend> backend;
  std::unique_ptr<Resolver> resolver;
  Cancel never;
  Gate gate;
};

}  // namespace

TEST_CASE("whatever happens, every caller gets one answer that is young enough and true",
          "[trap-42][trap-43][trap-44][trap-45][trap-46][trap-47][trap-48][trap-52][trap-136]") {
  const ResolverWorld::Seen seen = run_worlds({});
  // Worlds in which something never happened would prove nothing.
  CHECK(seen.hits > 1000);
  CHECK(seen.reads > 1000);
  CHECK(seen.stale > 50);
  CHECK(seen.negative > 50);
  CHECK(seen.failures > 200);
  CHECK(seen.left > 20);
  CHECK(seen.told > 50);
  CHECK(seen.overloaded == 0);
}

TEST_CASE("where locked memory is too small, some are told so and nothing else goes wrong", "[promise-11][trap-142]") {
  const ResolverWorld::Seen seen =
      run_worlds({.arena_bytes = 48 * 1024, .value_size = 3'000, .steps_wall_clock = true, .is_tight = true});
  CHECK(seen.overloaded > 20);
  CHECK(seen.reads > 1000);
  CHECK(seen.hits > 100);
}

TEST_CASE("the wall clock, wherever it is set, changes no answer", "[trap-51]") {
  const unsigned long seed = test_seed();
  INFO("TANTALUS_TEST_SEED=" << seed);
  std::array<std::string, 2> traces;
  for (const bool steps_wall : {false, true}) {
    ResolverWorld world(seed, {.steps_wall_clock = steps_wall}, callers());
    for (int i = 0; i < 4 * steps; ++i) {
      world.step();
    }
    world.settle();
    traces[steps_wall ? 1 : 0] = world.trace();
  }
  CHECK(traces[0].size() > 10'000);
  CHECK(traces[0] == traces[1]);
}

TEST_CASE("a value that is asked for is read again before its time is over", "[resolver]") {
  Quiet agent;
  const StoredGrant grant = Quiet::grant_of("k");
  agent.truth.change(place_of(grant.view()), agent.io.now(), 7);
  REQUIRE(agent.read(grant).has_value());
  for (int i = 0; i < 1'000; ++i) {
    agent.io.run_for(Millis{100});
    CHECK(agent.hit(grant));
  }
  // 100 s at one read each 4 s, 80 % of the TTL.
  CHECK(agent.backend->fetches() >= 25);
  CHECK(agent.backend->fetches() <= 27);
  agent.io.run_for(Millis{4'999});
  CHECK(agent.hit(grant));
  agent.io.run_for(Millis{5'000});
  CHECK_FALSE(agent.hit(grant));
}

TEST_CASE("while its watch is healthy a value is never read again, and its TTL begins when that is lost",
          "[resolver]") {
  Quiet agent;
  agent.backend->watch_values();
  const StoredGrant grant = Quiet::grant_of("k");
  agent.truth.change(place_of(grant.view()), agent.io.now(), 7);
  REQUIRE(agent.read(grant).has_value());
  for (int i = 0; i < 24; ++i) {
    agent.io.run_for(std::chrono::hours(1));
    const auto found = agent.resolver->find(grant.view(), std::nullopt, agent.io.now());
    REQUIRE(found.has_value());
    CHECK(found->freshness.age == Millis{0});
    CHECK_FALSE(found->freshness.wants_refresh);
  }
  CHECK(agent.backend->fetches() == 1);
  agent.backend->watch().healthy = false;
  agent.backend->watch().lost_at = agent.io.now();
  agent.io.run_for(Millis{3'000});
  const auto found = agent.resolver->find(grant.view(), std::nullopt, agent.io.now());
  REQUIRE(found.has_value());
  CHECK(found->freshness.age == Millis{3'000});
  CHECK(found->freshness.ttl == Millis{2'000});
  agent.io.run_for(Millis{2'000});
  CHECK_FALSE(agent.hit(grant));
}

TEST_CASE("whichever allocation of locked memory fails, that one alone is overloaded", "[promise-11]") {
  constexpr std::size_t values = 8;
  constexpr std::size_t block = 6'000;  // Two pages each, as the ballast.
  for (std::size_t room = 0; room <= values + 1; ++room) {
    INFO("room for " << room);
    Quiet agent(128 * 1024);
    agent.backend->script.value_size = block;
    std::vector<StoredGrant> grants;
    for (std::size_t i = 0; i < values; ++i) {
      grants.push_back(Quiet::grant_of("k" + std::to_string(i)));
      agent.truth.change(place_of(grants.back().view()), agent.io.now(), 3 * static_cast<int>(i));
    }
    std::vector<void*> ballast;
    while (void* taken = agent.arena->allocate(block)) {
      ballast.push_back(taken);
    }
    for (std::size_t i = 0; i < room; ++i) {
      agent.arena->free(ballast.back());
      ballast.pop_back();
    }
    {
      std::vector<Resolved> held;
      std::size_t overloaded = 0;
      for (const StoredGrant& grant : grants) {
        Result<Resolved> answer = agent.read(grant);
        if (answer.has_value()) {
          held.push_back(std::move(*answer));
        } else {
          CHECK(answer.error().code == Code::overloaded);
          ++overloaded;
        }
      }
      CHECK(held.size() == std::min(room, values));
      CHECK(overloaded == values - held.size());
      for (std::size_t i = 0; i < held.size(); ++i) {
        CHECK(text_of(held[i].value) == agent.backend->text_of(name_of(grants[i].view()), 3 * static_cast<int>(i)));
        CHECK(agent.hit(grants[i]));
      }
    }
    for (void* each : ballast) {
      agent.arena->free(each);
    }
    for (const StoredGrant& grant : grants) {
      CHECK(agent.read(grant).has_value());
    }
    (void)agent.resolver->flush([](const CacheEntry&) { return true; });
    CHECK(agent.arena->usage().blocks == 0);
  }
}

}  // namespace tantalus::test
