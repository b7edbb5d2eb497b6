// SPDX-License-Identifier: Apache-2.0
// The cached path allocates nothing: this executable counts what it asks of the heap.
#include <cstdlib>
#include <new>

#include "protocol/frame.h"
#include "protocol/message.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "tests/support/alloc_counter.h"
#include "tests/support/catch.h"

namespace tantalus {
namespace {

constexpr std::size_t rounds = 1000;

}  // namespace

TEST_CASE("the counter counts") {
  // Called by hand: a compiler may leave out a new whose result nobody sees.
  const auto twice = [] {
    ::operator delete(::operator new(100));
    ::operator delete(::operator new(1, std::align_val_t(64)), std::align_val_t(64));
  };
  CHECK(allocations_once_warm(rounds, twice) == 2 * rounds);
}

TEST_CASE("cutting and reading a right request allocates nothing") {
  ReplyBuffer out;
  const Reference references[] = {{.key = "a-key-that-is-longer-than-a-small-string", .source = Source::vault},
                                  {.key = "b", .id = "main", .field = "password"}};
  SECTION("resolve") {
    request::resolve(out, 1, references[0], Millis(5));
  }
  SECTION("resolve_many") {
    request::resolve_many(out, 1, references, std::nullopt);
  }
  SECTION("subscribe") {
    request::subscribe(out, 1, references);
  }
  SECTION("explain") {
    request::explain(out, 1, references[1]);
  }
  SECTION("list") {
    request::list(out, 1, Scope::global, std::nullopt);
  }
  SECTION("hello") {
    request::hello(out, 1, "client-of-a-rather-long-name/1.0", "token-of-a-rather-long-kind");
  }
  SECTION("ping") {
    request::ping(out, 1);
  }

  FrameCutter cutter(FrameCutter::Side::agent);
  MessageReader reader(256);
  const std::span<const std::byte> bytes(out);
  CHECK(allocations_once_warm(rounds, [&] {
          bool good = true;
          for (std::size_t arrived = 0; arrived < bytes.size(); arrived += 7) {
            const auto next = cutter.next(bytes.first(arrived));
            good = good && next && *next == 0;
          }
          const auto size = cutter.next(bytes);
          good = good && size && *size == bytes.size() && reader.read(bytes) == MessageReader::Kind::call;
          if (!good) {
            std::abort();
          }
        }) == 0);
}

TEST_CASE("a batch after a smaller one allocates for the references that it has more, and never again") {
  const std::vector<Reference> many(200, Reference{.key = "k"});
  ReplyBuffer large;
  request::resolve_many(large, 1, many, std::nullopt);
  ReplyBuffer small;
  request::resolve(small, 1, many[0], std::nullopt);
  MessageReader reader(256);
  CHECK(allocations_once_warm(rounds, [&] {
          static_cast<void>(reader.read(large));
          static_cast<void>(reader.read(small));
        }) == 0);
}

TEST_CASE("writing a reply into a buffer that has grown allocates nothing") {
  ReplyBuffer out;
  const std::string key(253, 'k');
  const SecretHead head{.key = key,
                        .source = Source::kubernetes,
                        .scope = Scope::domain,
                        .version = "1234567890123456789",
                        .updated_at = WallMillis(Millis(1)),
                        .age = Millis(1),
                        .ttl = Millis(300'000),
                        .cached = true};
  const Error error{Code::unavailable, "the backend can't be reached, and nothing cached may be served", Millis(100)};
  const reply::Who who{.domain = "finance", .attested_by = "user", .uid = 1};
  CHECK(allocations_once_warm(rounds, [&] {
          out.clear();
          reply::secret(out, 1, head, 1'000'000);
          reply::error(out, 1, error);
          reply::batch(out, 1, 2);
          reply::batch_secret(out, head, 5);
          reply::batch_error(out, error);
          reply::changed(out, head, true);
          reply::whoami(out, 1, who);
          reply::pong(out, 1);
        }) == 0);
}

}  // namespace tantalus
