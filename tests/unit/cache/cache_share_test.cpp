// SPDX-License-Identifier: Apache-2.0
// Who gives up what, and when.
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cache/cache.h"
#include "tests/support/catch.h"
#include "tests/unit/cache/cache_fixture.h"

namespace tantalus {
namespace {

using test::key_of;
using test::KiB;
using test::start;
using Fixture = test::CacheFixture;

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
