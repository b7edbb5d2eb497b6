// SPDX-License-Identifier: Apache-2.0
#include "cache/freshness.h"

#include <chrono>
#include <limits>

#include "tests/support/catch.h"

namespace tantalus {
namespace {

using namespace std::chrono_literals;

constexpr FreshnessRules rules{.ttl = 5min, .stale_if_error = 1h, .negative_ttl = 10s, .refresh_ahead_percent = 80};
constexpr Instant start{100h};

Reading read_at(Instant when, const Watch* watch = nullptr, bool negative = false) {
  return {when, watch, negative};
}

TEST_CASE("a value is good for its TTL and no moment longer", "[trap-51]") {
  const Reading reading = read_at(start);
  CHECK(judge(rules, reading, {}, start).usable);
  CHECK(judge(rules, reading, {}, start).ttl == 5min);
  CHECK(judge(rules, reading, {}, start + 5min - 1ns).usable);
  const Freshness ended = judge(rules, reading, {}, start + 5min);
  CHECK_FALSE(ended.usable);
  CHECK(ended.age == 5min);
  CHECK(ended.ttl == 0ms);
  const Freshness half = judge(rules, reading, {}, start + 2min);
  CHECK(half.age == 2min);
  CHECK(half.ttl == 3min);
}

TEST_CASE("max_age 0 asks the backend, in the very turn of the last reading too", "[trap-45]") {
  CHECK_FALSE(judge(rules, read_at(start), 0ms, start).usable);
  Watch watch{.healthy = true};
  CHECK_FALSE(judge(rules, read_at(start, &watch), 0ms, start).usable);
  CHECK_FALSE(judge(rules, read_at(start), -1ms, start).usable);
}

TEST_CASE("max_age narrows the TTL and never widens it", "[trap-45]") {
  const Reading reading = read_at(start);
  CHECK(judge(rules, reading, 1ms, start).usable);
  CHECK(judge(rules, reading, 1ms, start + 1ms).usable);
  CHECK_FALSE(judge(rules, reading, 1ms, start + 1ms + 1ns).usable);
  CHECK_FALSE(judge(rules, reading, 1h, start + 5min).usable);
  CHECK(judge(rules, reading, Millis::max(), start + 4min).usable);
}

TEST_CASE("a definite not-found has a TTL of its own, is not refreshed ahead and never stale", "[trap-44]") {
  const Reading reading = read_at(start, nullptr, true);
  CHECK(judge(rules, reading, {}, start + 9s).usable);
  CHECK_FALSE(judge(rules, reading, {}, start + 9s).wants_refresh);
  CHECK_FALSE(judge(rules, reading, {}, start + 10s).usable);
  CHECK_FALSE(may_serve_stale(rules, reading, start + 10s));
  CHECK_FALSE(may_serve_stale(rules, reading, start));
}

TEST_CASE("a value wants to be read again from its mark on, and still answers", "[promise-5]") {
  const Reading reading = read_at(start);
  CHECK_FALSE(judge(rules, reading, {}, start + 4min - 1ns).wants_refresh);
  CHECK(judge(rules, reading, {}, start + 4min).wants_refresh);
  CHECK(judge(rules, reading, {}, start + 4min).usable);
  CHECK_FALSE(judge(rules, reading, {}, start + 5min).wants_refresh);
  FreshnessRules never = rules;
  never.refresh_ahead_percent = 100;
  CHECK_FALSE(judge(never, reading, {}, start + 5min - 1ns).wants_refresh);
  never.refresh_ahead_percent = 1000;
  CHECK_FALSE(judge(never, reading, {}, start + 5min - 1ns).wants_refresh);
}

TEST_CASE("a healthy watch vouches for a value at every moment", "[trap-51]") {
  Watch watch{.healthy = true};
  const Reading reading = read_at(start, &watch);
  const Freshness later = judge(rules, reading, {}, start + 24h);
  CHECK(later.usable);
  CHECK_FALSE(later.wants_refresh);
  CHECK(later.age == 0ms);
  CHECK(later.ttl == 5min);
  CHECK(judge(rules, reading, 1ms, start + 24h).usable);
  CHECK(may_serve_stale(rules, reading, start + 24h));

  // Lost: both clocks start there, for what was read before.
  watch = {.healthy = false, .lost_at = start + 24h};
  CHECK(judge(rules, reading, {}, start + 24h + 4min).age == 4min);
  CHECK(judge(rules, reading, {}, start + 24h + 4min).wants_refresh);
  CHECK_FALSE(judge(rules, reading, {}, start + 24h + 5min).usable);
  // What was read since counts from its own reading.
  CHECK(judge(rules, read_at(start + 24h + 3min, &watch), {}, start + 24h + 5min).age == 2min);
}

TEST_CASE("the ceiling of stale values is not moved by failures", "[trap-46]") {
  const Reading reading = read_at(start);
  for (int failure = 0; failure < 600; ++failure) {
    // Each attempt fails; nothing of the reading changes, so nothing is put off.
    const Instant now = start + 5min + failure * 10s;
    CHECK(may_serve_stale(rules, reading, now) == (now < start + 65min));
  }
  CHECK_FALSE(may_serve_stale(rules, reading, start + 48h));
}

TEST_CASE("durations of centuries don't wrap", "[trap-59]") {
  FreshnessRules endless = rules;
  endless.ttl = Millis::max();
  endless.stale_if_error = Millis::max();
  const Reading reading = read_at(start);
  CHECK(judge(endless, reading, {}, start + 24h * 365).usable);
  CHECK(may_serve_stale(endless, reading, start + 24h * 365));
  endless.ttl = -1ms;
  CHECK_FALSE(judge(endless, reading, {}, start).usable);
}

TEST_CASE("a reading of a moment ago is not in the future", "[trap-51]") {
  const Freshness early = judge(rules, read_at(start), {}, start - 1s);
  CHECK(early.usable);
  CHECK(early.age == 0ms);
  CHECK(early.ttl == 5min);
}

TEST_CASE("a TTL of nothing keeps nothing", "[trap-45]") {
  FreshnessRules none = rules;
  none.ttl = 0ms;
  CHECK_FALSE(judge(none, read_at(start), {}, start).usable);
}

}  // namespace
}  // namespace tantalus
