// SPDX-License-Identifier: Apache-2.0
#include "cache/cache.h"

#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/cache/cache_fixture.h"

namespace {
std::size_t allocations = 0;  // Of this executable, by the operator below.
}

#if !defined(TANTALUS_HAS_ASAN)  // It has its own, and wants all of them or none replaced.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* block = std::malloc(bytes)) {
    return block;
  }
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}
#endif

namespace tantalus {
namespace {

using namespace std::chrono_literals;
using test::key_of;
using test::KiB;
using test::start;
using test::text_of;
using Fixture = test::CacheFixture;

/// Grants that each differ from the first in one field, and in every field from one another's point of view.
std::vector<Policy::Fields> grants_that_differ() {
  const Policy::Fields base{.domain = DomainId{10},
                            .source = Source::vault,
                            .scope = Scope::domain,
                            .integration = IntegrationId{1},
                            .version = 1,
                            .object = "finance",
                            .key = "db-password",
                            .field = "value"};
  std::vector<Policy::Fields> all{base};
  const auto with = [&](auto change) {
    all.push_back(base);
    change(all.back());
  };
  with([](auto& fields) { fields.domain = DomainId{11}; });
  with([](auto& fields) { fields.domain = DomainId::global; });
  with([](auto& fields) { fields.domain = DomainId::admin; });
  with([](auto& fields) { fields.source = Source::kubernetes; });
  with([](auto& fields) { fields.source = Source::file; });
  with([](auto& fields) { fields.scope = Scope::global; });
  with([](auto& fields) { fields.scope = Scope::admin; });
  with([](auto& fields) { fields.integration = IntegrationId{2}; });
  with([](auto& fields) { fields.integration = IntegrationId::none; });
  with([](auto& fields) { fields.version = 0; });
  with([](auto& fields) { fields.version = 2; });
  with([](auto& fields) { fields.object = "financ"; });
  with([](auto& fields) { fields.object = ""; });
  with([](auto& fields) { fields.key = "db-passwore"; });
  with([](auto& fields) { fields.key = "db-password2"; });
  with([](auto& fields) { fields.key = ""; });
  with([](auto& fields) { fields.field = "valuf"; });
  with([](auto& fields) { fields.field = ""; });
  // The same letters, cut elsewhere.
  with([](auto& fields) {
    fields.object = "financed";
    fields.key = "b-password";
  });
  with([](auto& fields) {
    fields.key = "db-passwordv";
    fields.field = "alue";
  });
  return all;
}

TEST_CASE("no grant is answered what lies under one that differs in a field", "[promise-1][trap-40]") {
  const auto grants = grants_that_differ();
  for (std::size_t put = 0; put < grants.size(); ++put) {
    Fixture fixture(256 * KiB);
    REQUIRE(fixture.put(grants[put], "the value").has_value());
    for (std::size_t asked = 0; asked < grants.size(); ++asked) {
      CAPTURE(put, asked);
      CHECK((Policy::grant(grants[put]) == Policy::grant(grants[asked])) == (put == asked));
      CHECK((fixture.find(grants[asked]) != nullptr) == (put == asked));
      CHECK(fixture.has(grants[asked]) == (put == asked));
    }
  }
  // And all together.
  Fixture fixture;
  for (std::size_t i = 0; i < grants.size(); ++i) {
    REQUIRE(fixture.put(grants[i], "value " + std::to_string(i)).has_value());
  }
  CHECK(fixture.cache.counters().entries == grants.size());
  for (std::size_t i = 0; i < grants.size(); ++i) {
    CHECK(text_of(*fixture.find(grants[i])) == "value " + std::to_string(i));
  }
  fixture.cache.drop(Policy::grant(grants[3]));
  for (std::size_t i = 0; i < grants.size(); ++i) {
    CHECK(fixture.has(grants[i]) == (i != 3));
  }
}

TEST_CASE("a hit allocates nothing", "[promise-11]") {
  Fixture fixture;
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    keys.push_back("a-key-that-is-longer-than-a-small-string-" + std::to_string(i));
    REQUIRE(fixture.put(key_of(keys.back()), "value").has_value());
  }
  const std::size_t before = allocations;
  std::size_t found = 0;
  for (int i = 0; i < 10'000; ++i) {
    CacheEntry* entry = fixture.cache.find(Policy::grant(key_of(keys[static_cast<std::size_t>(i) % 100])), start);
    const Secret held = entry->value->share();
    found += held.size();
    found += fixture.cache.find(Policy::grant(key_of("absent")), start) == nullptr ? 0 : 1;
  }
  CHECK(allocations == before);
  CHECK(found == 50'000);
}

TEST_CASE("a use is counted and timed, a peek is not", "[trap-50]") {
  Fixture fixture;
  REQUIRE(fixture.put(key_of("key"), "value").has_value());
  CHECK(fixture.find(key_of("key"))->hits == 1);
  CHECK(fixture.cache.find(Policy::grant(key_of("key")), start + 5s)->hits == 2);
  const CacheEntry* entry = fixture.cache.peek(Policy::grant(key_of("key")));
  CHECK(entry->hits == 2);
  CHECK(entry->used_at == start + 5s);
  CHECK(entry->read_at == start);
  CHECK(entry->version == "value");
}

TEST_CASE("a value read again replaces the old one, which is wiped", "[promise-5]") {
  Fixture fixture;
  auto* entry = fixture.put(key_of("key"), "the old value").value();
  entry->refreshing = true;
  CHECK(fixture.find(key_of("key"))->hits == 1);
  const std::size_t held = fixture.cache.held_by(DomainId::first);
  auto* again =
      fixture.cache.put(StoredGrant(Policy::grant(key_of("key"))), fixture.answer("a new value"), start + 1min).value();
  CHECK(again == entry);
  CHECK(text_of(*again) == "a new value");
  CHECK(again->read_at == start + 1min);
  CHECK(again->used_at == start);
  CHECK(again->hits == 1);
  CHECK_FALSE(again->refreshing);  // What was read ends the refresh, else there would be no next one.
  CHECK(fixture.cache.held_by(DomainId::first) == held);
  CHECK_FALSE(test::is_in(fixture.arena->range(), "the old value"));
  CHECK(fixture.cache.counters().entries == 1);
  CHECK(fixture.cache.counters().evictions == 0);
}

TEST_CASE("dropped, missing and ended values are wiped", "[promise-5]") {
  auto fixture = std::make_unique<Fixture>();
  for (const char* key : {"one", "two", "three", "four"}) {
    REQUIRE(fixture->put(key_of(key), std::string("canary of ") + key).has_value());
  }
  CHECK(test::is_in(fixture->arena->range(), "canary of one"));
  fixture->cache.drop(Policy::grant(key_of("one")));
  fixture->cache.drop(Policy::grant(key_of("one")));
  CHECK_FALSE(test::is_in(fixture->arena->range(), "canary of one"));
  CHECK_FALSE(fixture->has(key_of("one")));
  const CacheEntry& missing = fixture->cache.put_missing(StoredGrant(Policy::grant(key_of("two"))), nullptr, start);
  CHECK_FALSE(missing.value.has_value());
  CHECK(missing.reading().negative);
  CHECK_FALSE(test::is_in(fixture->arena->range(), "canary of two"));
  CHECK(fixture->cache.counters().negative == 1);
  // It was made after all: the entry holds a value again.
  REQUIRE(fixture->put(key_of("two"), "found").has_value());
  CHECK(fixture->cache.counters().negative == 0);
  CHECK(fixture->cache.drop_if([](const CacheEntry& entry) { return entry.grant.view().key == "three"; }) == 1);
  CHECK_FALSE(test::is_in(fixture->arena->range(), "canary of three"));
  CHECK(test::is_in(fixture->arena->range(), "canary of four"));
  auto arena = std::move(fixture->arena);
  arena->set_reclaimer({});
  fixture.reset();
  CHECK(arena->usage().blocks == 0);
  CHECK_FALSE(test::is_in(arena->range(), "canary of"));
}

TEST_CASE("a flushed cache goes on working", "[trap-52]") {
  Fixture fixture;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(fixture.put(key_of("key-" + std::to_string(i)), "value").has_value());
    fixture.cache.put_missing(StoredGrant(Policy::grant(key_of("no-" + std::to_string(i)))), nullptr, start);
  }
  CHECK(fixture.cache.drop_if([](const CacheEntry&) { return true; }) == 2000);
  CHECK(fixture.cache.counters().entries == 0);
  CHECK(fixture.cache.counters().negative == 0);
  CHECK(fixture.cache.held_by(DomainId::first) == 0);
  CHECK(fixture.arena->usage().blocks == 0);
  REQUIRE(fixture.put(key_of("key"), "value").has_value());
  CHECK(text_of(*fixture.find(key_of("key"))) == "value");
}

TEST_CASE("everything that hangs below an integration goes with it", "[promise-1][trap-52]") {
  Fixture fixture;
  const auto grants = grants_that_differ();
  for (const auto& fields : grants) {
    REQUIRE(fixture.put(fields, "value").has_value());
  }
  const auto dropped =
      fixture.cache.drop_if([](const CacheEntry& entry) { return entry.grant.view().integration == IntegrationId{1}; });
  CHECK(dropped == grants.size() - 2);
  CHECK(fixture.cache.counters().entries == 2);
}

TEST_CASE("a changed key reaches every entry of its place and no other", "[promise-1]") {
  Fixture fixture;
  const auto grants = grants_that_differ();
  for (const auto& fields : grants) {
    REQUIRE(fixture.put(fields, "value").has_value());
  }
  std::size_t reached = 0;
  fixture.cache.for_place(Source::vault, IntegrationId{1}, "finance", "db-password", [&](CacheEntry& entry) {
    ++reached;
    const Grant grant = entry.grant.view();
    CHECK(grant.source == Source::vault);
    CHECK(grant.integration == IntegrationId{1});
    CHECK(grant.object == "finance");
    CHECK(grant.key == "db-password");
  });
  CHECK(reached == 10);  // The first, and those that differ from it in domain, scope, version or field.
  std::size_t all = 0;
  fixture.cache.for_each([&](CacheEntry&) { ++all; });
  CHECK(all == grants.size());
}

}  // namespace
}  // namespace tantalus
