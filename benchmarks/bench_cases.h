// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/load.h"

namespace tantalus::bench {

/// Which number of a case tells how it went.
enum class Metric : std::uint8_t { p50, rate };

/// What the project promises of a case when both sides share a core (docs/performance.md).
struct Goal {
  std::string agent;  ///< The audit setting: every, default, off.
  double bound = 0;
  bool is_ratio = true;  ///< To the echo; else the agent's own number.
};

struct Case {
  std::string name;
  std::string title;
  Metric metric = Metric::p50;
  Load load;
  std::vector<Goal> goals;

  /// Lower is better for p50, higher for a rate.
  [[nodiscard]] bool meets(double value, const Goal& goal) const;
};

/// The keys that scripts/bench stores: `small_keys` short values, and one each of 16 KiB and of 1 MiB.
inline constexpr int small_keys = 1000;
[[nodiscard]] std::string small_key(int index);

[[nodiscard]] std::vector<Case> all_cases();

}  // namespace tantalus::bench
