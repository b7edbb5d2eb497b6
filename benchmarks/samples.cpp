// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/samples.h"

#include <algorithm>

namespace tantalus::bench {
namespace {

double percentile_us(const std::vector<std::uint32_t>& sorted, std::size_t percent) {
  if (sorted.empty()) {
    return 0;
  }
  return static_cast<double>(sorted[(sorted.size() - 1) * percent / 100]) / 1000.0;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) {
    return {};
  }
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

RunResult summarize(std::vector<std::uint32_t>& nanoseconds, std::uint64_t replies, double seconds) {
  std::ranges::sort(nanoseconds);
  RunResult result;
  result.p50_us = percentile_us(nanoseconds, 50);
  result.p99_us = percentile_us(nanoseconds, 99);
  result.per_second = static_cast<double>(replies) / seconds;
  return result;
}

}  // namespace tantalus::bench
