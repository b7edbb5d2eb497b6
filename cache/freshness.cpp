// SPDX-License-Identifier: Apache-2.0
#include "cache/freshness.h"

#include <algorithm>

namespace tantalus {
namespace {

using Duration = BootClock::duration;

/// Nanoseconds of a configured duration; what is too long to be counted in them is 100 years.
constexpr Duration to_duration(Millis millis) noexcept {
  constexpr Millis longest = std::chrono::hours(24 * 365 * 100);
  return std::clamp(millis, Millis{0}, longest);
}

bool is_vouched_for(const Reading& reading) noexcept {
  return reading.watch != nullptr && reading.watch->healthy;
}

/// Since the backend, or its watch, last vouched for the value. A clock that was read before is no time in the future.
Duration age_of(const Reading& reading, Instant now) noexcept {
  if (is_vouched_for(reading)) {
    return Duration{0};
  }
  Instant vouched = reading.read_at;
  if (reading.watch != nullptr) {
    vouched = std::max(vouched, reading.watch->lost_at);
  }
  return std::max(now - vouched, Duration{0});
}

}  // namespace

Freshness judge(const FreshnessRules& rules, const Reading& reading, std::optional<Millis> max_age,
                Instant now) noexcept {
  const Duration age = age_of(reading, now);
  const Duration ttl = to_duration(reading.negative ? rules.negative_ttl : rules.ttl);
  const bool vouched = is_vouched_for(reading);
  const bool expired = !vouched && age >= ttl;

  Freshness freshness{};
  freshness.usable = !expired;
  if (max_age) {
    // Trap 45: 0 asks the backend even about a value read in this very turn.
    freshness.usable = freshness.usable && *max_age > Millis{0} && age <= to_duration(*max_age);
  }
  const Duration mark = ttl / 100 * std::min<std::uint32_t>(rules.refresh_ahead_percent, 100);
  freshness.wants_refresh = !expired && !vouched && !reading.negative && age >= mark;
  freshness.age = to_millis(age);
  freshness.ttl = expired ? Millis{0} : to_millis(ttl - age);
  return freshness;
}

bool may_serve_stale(const FreshnessRules& rules, const Reading& reading, Instant now) noexcept {
  return !reading.negative && age_of(reading, now) < to_duration(rules.ttl) + to_duration(rules.stale_if_error);
}

}  // namespace tantalus
