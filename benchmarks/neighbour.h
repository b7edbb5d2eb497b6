// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "benchmarks/load.h"
#include "benchmarks/samples.h"

namespace tantalus::bench {

/// What a caller sees alone, and beside a user of another domain who asks as fast as it can (promise 11).
struct Neighbour {
  RunResult alone;
  RunResult beside;
};

/// The uid of the flooding user; scripts/bench gives it a domain of its own.
inline constexpr unsigned flooding_uid = 1002;

/// Needs root, to become the other user.
[[nodiscard]] Neighbour measure_neighbour(const std::string& socket, const Load& quiet, const Load& flood,
                                          std::chrono::milliseconds duration);

}  // namespace tantalus::bench
