// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace tantalus {

using Millis = std::chrono::milliseconds;

/// The clock of every TTL, deadline and lease: CLOCK_BOOTTIME, which counts suspend and never steps (trap 51, time(7)).
/// It has no now() on purpose: `agent/loop` reads it once a turn, everything else takes an Instant as an argument.
struct BootClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

using Instant = BootClock::time_point;

/// Unix time in milliseconds: for showing (`…_at` on the wire), never for deciding.
using WallMillis = std::chrono::time_point<std::chrono::system_clock, Millis>;

[[nodiscard]] constexpr Millis to_millis(BootClock::duration d) noexcept {
  return std::chrono::duration_cast<Millis>(d);
}

}  // namespace tantalus
