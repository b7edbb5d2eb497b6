// SPDX-License-Identifier: Apache-2.0
#include "cache/cache.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/grant_maker.h"
#include "tests/unit/cache/arena_kinds.h"

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
using test::make_arena;

constexpr std::size_t KiB = 1024;
constexpr Instant start{100h};

/// An arena and a cache over it, as the daemon has them.
struct Fixture {
  explicit Fixture(std::size_t bytes = 1024 * KiB,
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

std::string text_of(const CacheEntry& entry) {
  const auto bytes = entry.value->expose();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Policy::Fields key_of(std::string_view key, DomainId domain = DomainId::first) {
  return {.domain = domain, .key = key};
}

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
  CHECK(again->refreshing);
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

TEST_CASE("a hot key survives a scan of many others", "[trap-50]") {
  Fixture fixture;
  REQUIRE(fixture.put(key_of("hot"), "value", 4000).has_value());
  REQUIRE(fixture.find(key_of("hot")) != nullptr);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(fixture.put(key_of("scanned-" + std::to_string(i)), "value", 4000).has_value());
  }
  CHECK(fixture.cache.counters().evictions > 800);
  CHECK(fixture.has(key_of("hot")));
  CHECK_FALSE(fixture.has(key_of("scanned-0")));
  CHECK(fixture.has(key_of("scanned-999")));
}

TEST_CASE("of the values in use the least recently used goes first, not the least recently read", "[trap-50]") {
  Fixture fixture;
  const auto key = [](int i) { return "key-" + std::to_string(i); };
  for (int i = 0; i < 100; ++i) {
    REQUIRE(fixture.put(key_of(key(i)), "value", 4000).has_value());
  }
  for (int i = 0; i < 100; ++i) {
    REQUIRE(fixture.find(key_of(key(i))) != nullptr);
  }
  for (int i = 0; i < 20; ++i) {
    REQUIRE(fixture.find(key_of(key(i))) != nullptr);
  }
  for (int i = 20; i < 40; ++i) {
    REQUIRE(fixture.put(key_of(key(i)), "read again", 4000).has_value());  // Nobody asked for them.
  }
  for (int i = 0; i < 60; ++i) {
    REQUIRE(fixture.put(key_of("other-" + std::to_string(i)), "value", 4000).has_value());
    REQUIRE(fixture.find(key_of("other-" + std::to_string(i))) != nullptr);
  }
  for (int i = 0; i < 20; ++i) {
    CHECK(fixture.has(key_of(key(i))));
  }
  int left = 0;
  for (int i = 20; i < 40; ++i) {
    left += fixture.has(key_of(key(i))) ? 1 : 0;
  }
  CHECK(left < 5);
}

TEST_CASE("what was hot once doesn't stay forever", "[trap-50]") {
  Fixture fixture;
  const auto fill = [&](const std::string& name) {
    for (int i = 0; i < 120; ++i) {
      REQUIRE(fixture.put(key_of(name + std::to_string(i)), "value", 4000).has_value());
      REQUIRE(fixture.find(key_of(name + std::to_string(i))) != nullptr);
    }
  };
  fill("old-");
  fill("new-");
  int old = 0;
  int fresh = 0;
  for (int i = 0; i < 120; ++i) {
    old += fixture.has(key_of("old-" + std::to_string(i))) ? 1 : 0;
    fresh += fixture.has(key_of("new-" + std::to_string(i))) ? 1 : 0;
  }
  CHECK(fresh > 90);
  CHECK(old < 30);
}

TEST_CASE("a domain holds its share and no more", "[promise-11]") {
  Fixture fixture(2048 * KiB);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(fixture.put(key_of("key-" + std::to_string(i)), "value", 3000).has_value());
    REQUIRE(fixture.cache.held_by(DomainId::first) <= 512 * KiB);
  }
  CHECK(fixture.cache.held_by(DomainId::first) > 500 * KiB);
  CHECK(fixture.cache.held_by(DomainId{9}) == 0);

  const std::size_t entries = fixture.cache.counters().entries;
  const auto larger = fixture.put(key_of("larger"), "value", 513 * KiB);
  REQUIRE_FALSE(larger.has_value());
  CHECK(larger.error().code == Code::overloaded);
  CHECK(fixture.cache.counters().entries == entries);  // Nothing is given up for what can't fit.
  CHECK_FALSE(fixture.has(key_of("larger")));
}

TEST_CASE("a share that a reload made smaller holds for the next value", "[promise-11]") {
  Fixture fixture;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(fixture.put(key_of("key-" + std::to_string(i)), "value", 3000).has_value());
  }
  fixture.cache.set_options({.per_domain = 64 * KiB, .per_domain_floor = 16 * KiB});
  REQUIRE(fixture.put(key_of("next"), "value", 3000).has_value());
  CHECK(fixture.cache.held_by(DomainId::first) <= 64 * KiB);
}

TEST_CASE("what replies under way hold counts, and a domain that pins its share gets no more",
          "[promise-11][trap-142]") {
  Fixture fixture;
  std::vector<Secret> replies;
  for (int i = 0; i < 1000; ++i) {
    auto entry = fixture.put(key_of("key-" + std::to_string(i)), "value", 8000);
    if (!entry) {
      CHECK(entry.error().code == Code::overloaded);
      CHECK_FALSE(fixture.has(key_of("key-" + std::to_string(i))));
      break;
    }
    replies.push_back((*entry)->value->share());
  }
  CHECK(replies.size() > 50);
  CHECK(replies.size() < 70);
  const std::size_t held = fixture.cache.held_by(DomainId::first);
  CHECK(held <= 512 * KiB);
  // Even when the cache has given all of them up.
  fixture.cache.drop_if([](const CacheEntry&) { return true; });
  CHECK(fixture.cache.held_by(DomainId::first) == held);
  CHECK_FALSE(fixture.put(key_of("one-more"), "value", 8000).has_value());
  // Others have room all the while.
  for (int i = 0; i < 100; ++i) {
    REQUIRE(fixture.put(key_of("key-" + std::to_string(i), DomainId{9}), "value", 2000).has_value());
  }
  CHECK(fixture.cache.held_by(DomainId{9}) > 200 * KiB);
  // Sent: the room is there again.
  replies.clear();
  CHECK(fixture.cache.held_by(DomainId::first) == 0);
  CHECK(fixture.put(key_of("one-more"), "value", 8000).has_value());
}

TEST_CASE("a replaced value that a reply holds is still the domain's", "[promise-11][trap-142]") {
  Fixture fixture;
  auto* entry = fixture.put(key_of("key"), "old", 300 * KiB).value();
  const Secret reply = entry->value->share();
  const auto again = fixture.put(key_of("key"), "new", 300 * KiB);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == Code::overloaded);
  CHECK_FALSE(fixture.has(key_of("key")));  // The old value isn't the backend's any more.
  CHECK(std::memcmp(reply.expose().data(), "old", 3) == 0);
  CHECK(fixture.cache.held_by(DomainId::first) == reply.cost());
}

TEST_CASE("the values of one domain don't drive out the last of another's", "[promise-11]") {
  Fixture fixture(1024 * KiB, {.per_domain = 1000 * KiB, .per_domain_floor = 64 * KiB});
  for (int i = 0; i < 20; ++i) {
    REQUIRE(fixture.put(key_of("quiet-" + std::to_string(i), DomainId{9}), "value", 2600).has_value());
  }
  const std::size_t held = fixture.cache.held_by(DomainId{9});
  CHECK(held < 64 * KiB);
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(fixture.put(key_of("loud-" + std::to_string(i), DomainId{8}), "value", 3000).has_value());
    REQUIRE(fixture.find(key_of("loud-" + std::to_string(i), DomainId{8})) != nullptr);
  }
  CHECK(fixture.cache.held_by(DomainId{9}) == held);
  for (int i = 0; i < 20; ++i) {
    CHECK(fixture.has(key_of("quiet-" + std::to_string(i), DomainId{9})));
  }
  CHECK(fixture.cache.counters().evictions > 1000);
  // Above its floor a quiet domain gives up what is least recently used.
  for (int i = 20; i < 100; ++i) {
    REQUIRE(fixture.put(key_of("quiet-" + std::to_string(i), DomainId{9}), "value", 2600).has_value());
  }
  CHECK(fixture.cache.held_by(DomainId{9}) > 200 * KiB);
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(fixture.put(key_of("loud-" + std::to_string(i), DomainId{8}), "value", 3000).has_value());
    REQUIRE(fixture.find(key_of("loud-" + std::to_string(i), DomainId{8})) != nullptr);
  }
  CHECK(fixture.cache.held_by(DomainId{9}) <= 64 * KiB);
  CHECK(fixture.cache.held_by(DomainId{9}) > 58 * KiB);
}

TEST_CASE("floors never add up to more than there is, so that a new domain always finds room", "[promise-11]") {
  Fixture fixture(512 * KiB, {.per_domain = 256 * KiB, .per_domain_floor = 64 * KiB});
  for (std::uint32_t domain = 10; domain < 60; ++domain) {
    for (int i = 0; i < 15; ++i) {
      CAPTURE(domain, i);
      REQUIRE(fixture.put(key_of("key-" + std::to_string(i), DomainId{domain}), "value", 4000).has_value());
    }
  }
  // And everyone kept something.
  for (std::uint32_t domain = 10; domain < 60; ++domain) {
    CAPTURE(domain);
    CHECK(fixture.cache.held_by(DomainId{domain}) > 0);
  }
}

TEST_CASE("reclaim gives what is asked for, of the asking domain below its floor too", "[promise-11]") {
  Fixture fixture;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(fixture.put(key_of("key-" + std::to_string(i)), "value", 8000).has_value());
  }
  CHECK_FALSE(fixture.cache.reclaim(1, DomainId::none));  // Below its floor.
  CHECK_FALSE(fixture.cache.reclaim(1, DomainId{9}));
  CHECK(fixture.cache.reclaim(1, DomainId::first));
  CHECK(fixture.cache.counters().entries == 3);
  CHECK_FALSE(fixture.has(key_of("key-0")));
  const std::vector<std::string> pinned{"key-1"};
  const Secret reply = fixture.find(key_of("key-1"))->value->share();
  CHECK(fixture.cache.reclaim(1024 * KiB, DomainId::first));
  CHECK(fixture.cache.counters().entries == 1);  // Giving up what a reply holds would free nothing.
  CHECK(fixture.has(key_of("key-1")));
  CHECK_FALSE(fixture.cache.reclaim(1, DomainId::first));
}

TEST_CASE("negative entries are bounded, in all and per domain", "[promise-11][trap-44]") {
  Fixture fixture(
      256 * KiB,
      {.per_domain = 128 * KiB, .per_domain_floor = 0, .max_negative = 1000, .max_negative_per_domain = 400});
  const auto miss = [&](std::string_view key, DomainId domain) {
    fixture.cache.put_missing(StoredGrant(Policy::grant(key_of(key, domain))), nullptr, start);
  };
  for (int i = 0; i < 10; ++i) {
    miss("quiet-" + std::to_string(i), DomainId{9});
  }
  for (int i = 0; i < 5000; ++i) {
    miss("loud-" + std::to_string(i), DomainId{8});
  }
  CHECK(fixture.cache.counters().negative == 410);
  CHECK(fixture.has(key_of("loud-4999", DomainId{8})));
  CHECK_FALSE(fixture.has(key_of("loud-4599", DomainId{8})));
  for (std::uint32_t domain = 20; domain < 30; ++domain) {
    for (int i = 0; i < 300; ++i) {
      miss("loud-" + std::to_string(i), DomainId{domain});
      REQUIRE(fixture.has(key_of("loud-" + std::to_string(i), DomainId{domain})));
    }
  }
  CHECK(fixture.cache.counters().negative == 1000);
  // Those who flood drive out one another.
  for (int i = 0; i < 10; ++i) {
    CHECK(fixture.has(key_of("quiet-" + std::to_string(i), DomainId{9})));
  }
  CHECK(fixture.arena->usage().blocks == 0);
}

TEST_CASE("values are bounded in number too: their names are on the heap", "[promise-11]") {
  Fixture fixture(1024 * KiB, {.per_domain = 512 * KiB,
                               .per_domain_floor = 0,
                               .max_negative = 100,
                               .max_negative_per_domain = 100,
                               .max_values = 200});
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(fixture.put(key_of("key-" + std::to_string(i)), "v").has_value());
  }
  CHECK(fixture.cache.counters().entries == 100);
  for (std::uint32_t domain = 10; domain < 20; ++domain) {
    for (int i = 0; i < 90; ++i) {
      REQUIRE(fixture.put(key_of("key-" + std::to_string(i), DomainId{domain}), "v").has_value());
    }
  }
  CHECK(fixture.cache.counters().entries == 200);
}

TEST_CASE("a put may be given the grant of the entry that it replaces or loses", "[promise-14]") {
  Fixture fixture;
  auto* entry = fixture.put(key_of("key"), "value").value();
  CHECK(fixture.cache.put(entry->grant, fixture.answer("again"), start).value() == entry);
  CHECK_FALSE(fixture.cache.put(entry->grant, fixture.answer("too large", 600 * KiB), start).has_value());
  CHECK(fixture.cache.counters().entries == 0);
}

TEST_CASE("one value may stand under two grants, and is counted once", "[promise-11]") {
  Fixture fixture;
  Secret value = fixture.secret("shared", 1000);
  const std::size_t cost = value.cost();
  for (const char* key : {"one", "two"}) {
    Answer answer{.value = value.share(), .version = "1", .updated_at = {}};
    REQUIRE(fixture.cache.put(StoredGrant(Policy::grant(key_of(key))), std::move(answer), start).has_value());
  }
  CHECK(fixture.cache.held_by(DomainId::first) == cost);
  fixture.cache.drop(Policy::grant(key_of("one")));
  CHECK(fixture.cache.held_by(DomainId::first) == cost);
  fixture.cache.drop(Policy::grant(key_of("two")));
  CHECK(fixture.cache.held_by(DomainId::first) == cost);
  {
    const Secret last = std::move(value);
  }
  CHECK(fixture.cache.held_by(DomainId::first) == 0);
}

TEST_CASE("a reply may outlive the cache", "[promise-11]") {
  auto fixture = std::make_unique<Fixture>();
  Secret reply = fixture->put(key_of("key"), "the last reply").value()->value->share();
  auto arena = std::move(fixture->arena);
  arena->set_reclaimer({});
  fixture.reset();
  CHECK(arena->usage().blocks == 1);
  CHECK(std::memcmp(reply.expose().data(), "the last reply", 14) == 0);
  {
    const Secret gone = std::move(reply);
  }
  CHECK(arena->usage().blocks == 0);
}

TEST_CASE("under random use the books and the arena agree", "[promise-11]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Fixture fixture(256 * KiB, {.per_domain = 128 * KiB,
                              .per_domain_floor = 16 * KiB,
                              .max_negative = 30,
                              .max_negative_per_domain = 20,
                              .max_values = 100});
  std::vector<Secret> replies;
  std::size_t overloaded = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = "key-" + std::to_string(random() % 60);
    const auto fields = key_of(key, DomainId{10 + static_cast<std::uint32_t>(random() % 5)});
    const StoredGrant grant(Policy::grant(fields));
    switch (random() % 8) {
      case 0:
      case 1:
      case 2: {
        auto writer = SecretWriter::make(*fixture.arena, 1 + random() % (std::size_t{1} << (random() % 16)));
        if (!writer) {
          ++overloaded;
          break;
        }
        const std::size_t size = writer->room().size();
        std::memset(writer->room().data(), static_cast<int>(size % 251), size);
        writer->set_size(size);
        Answer answer{.value = std::move(*writer).freeze(), .version = {}, .updated_at = {}};
        const bool kept = fixture.cache.put(grant, std::move(answer), start).has_value();
        overloaded += kept ? 0 : 1;
        REQUIRE((!kept || !replies.empty() || fixture.cache.counters().entries <= 130));
        break;
      }
      case 3:
        fixture.cache.put_missing(grant, nullptr, start);
        break;
      case 4:
        fixture.cache.drop(grant.view());
        break;
      case 5:
        replies.clear();
        break;
      default:
        if (CacheEntry* entry = fixture.cache.find(grant.view(), start)) {
          REQUIRE(entry->grant.view() == grant.view());
          if (entry->value) {
            const auto bytes = entry->value->expose();
            REQUIRE(std::to_integer<std::size_t>(bytes[bytes.size() - 1]) == bytes.size() % 251);
            replies.push_back(entry->value->share());
          }
        }
    }
    std::size_t held = 0;
    for (std::uint32_t domain = 10; domain < 15; ++domain) {
      const std::size_t part = fixture.cache.held_by(DomainId{domain});
      REQUIRE(part <= 128 * KiB);
      held += part;
    }
    REQUIRE(held == fixture.arena->usage().used);
    REQUIRE(fixture.cache.counters().negative <= 30);
  }
  CHECK(overloaded > 0);
  CHECK(fixture.cache.counters().evictions > 0);
}

}  // namespace
}  // namespace tantalus
