// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "cache/answer.h"
#include "protocol/instant.h"

namespace tantalus {

/// The rules of how long a value is good (docs/configuration.md, `cache`). Pure: no clock, no state.
struct FreshnessRules {
  Millis ttl;
  Millis stale_if_error;
  Millis negative_ttl;
  std::uint32_t refresh_ahead_percent;
};

/// What is known of one reading.
struct Reading {
  Instant read_at;
  const Watch* watch;  ///< Null: nothing watches it.
  bool negative;       ///< A definite not-found.
};

struct Freshness {
  bool usable;         ///< May be answered without asking the backend.
  bool wants_refresh;  ///< Past the refresh-ahead mark: read it again soon, answer it meanwhile.
  Millis age;          ///< Since the backend, or a healthy watch, last vouched for it.
  Millis ttl;          ///< Until the agent would read it again; 0 when expired.
};

/// `max_age` unset: the TTL alone decides; 0: never usable, not even of this very moment (trap 45).
[[nodiscard]] Freshness judge(const FreshnessRules& rules, const Reading& reading, std::optional<Millis> max_age,
                              Instant now) noexcept;

/// Whether an expired value may be served because its backend is down: up to `stale_if_error` past its TTL, a ceiling
/// that failures don't move (trap 46). Never a negative one.
[[nodiscard]] bool may_serve_stale(const FreshnessRules& rules, const Reading& reading, Instant now) noexcept;

}  // namespace tantalus
