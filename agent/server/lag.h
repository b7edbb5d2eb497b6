// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace tantalus {

/// How long turns of the loop take, and so how long something that is ready may wait: counts by powers of two of a
/// microsecond. Halved now and then, so that it tells of late.
class LagHistogram {
 public:
  void add(std::chrono::nanoseconds turn) noexcept {
    const auto micros = static_cast<std::uint64_t>(turn.count() < 0 ? 0 : turn.count()) / 1000;
    ++counts_[std::min<std::size_t>(std::bit_width(micros), counts_.size() - 1)];
    if (++total_ >= halve_at) {
      total_ = 0;
      for (std::uint32_t& count : counts_) {
        count /= 2;
        total_ += count;
      }
    }
  }
  /// An upper bound of the quantile, in microseconds.
  [[nodiscard]] std::uint64_t quantile(double part) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) {
        return (std::uint64_t{1} << i) - (i == 0 ? 0 : 1);
      }
    }
    return 0;
  }

 private:
  static constexpr std::uint32_t halve_at = 1U << 20U;
  std::array<std::uint32_t, 32> counts_{};
  std::uint32_t total_ = 0;
};

}  // namespace tantalus
