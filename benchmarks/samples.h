// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tantalus::bench {

/// What one run of one load against one server gave.
struct RunResult {
  double p50_us = 0;
  double p99_us = 0;
  double per_second = 0;  ///< Requests.
  std::uint64_t failures = 0;
};

/// The middle of several rounds, with the lowest and the highest: rounds are few, so the extremes are the spread.
struct Spread {
  double median = 0;
  double low = 0;
  double high = 0;
};

[[nodiscard]] Spread spread_of(std::vector<double> values);

/// Sorts `nanoseconds`. `replies` in `seconds` give the rate.
[[nodiscard]] RunResult summarize(std::vector<std::uint32_t>& nanoseconds, std::uint64_t replies, double seconds);

}  // namespace tantalus::bench
