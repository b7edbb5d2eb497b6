// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backends/io.h"

namespace tantalus::test {

/// Io in virtual time: nothing sleeps, an hour passes in a microsecond, and the same calls give the same run. Files are
/// real; what the kernel would tell of them is told by the test. Outlives every task that waits through it.
class SimIo final : public Io {
 public:
  SimIo();
  ~SimIo() override;

  [[nodiscard]] Instant now() const noexcept override { return now_; }
  [[nodiscard]] WallMillis wall_now() const noexcept override;
  /// Also a time that has come is waited for, until the next run: as a turn of the loop does.
  [[nodiscard]] Task<void> sleep_until(Instant when, Cancel& cancel) override;
  [[nodiscard]] Result<std::unique_ptr<PathWatch>> watch_paths() override;

  /// An operator, or NTP, sets the wall clock; nothing else moves.
  void step_wall(Millis by) noexcept { wall_step_ += by; }
  /// Wakes the earliest sleeper, moving time on to it. False: nobody sleeps.
  bool run_one();
  /// Wakes all who sleep up to then, in order, also those who only begin to; then it is `now() + time`.
  void run_for(Millis time);
  [[nodiscard]] std::size_t sleepers() const noexcept { return sleepers_.size(); }

  /// Tells the watches that have this directory in their set. True: somebody heard.
  bool touch(const std::string& directory);
  /// Tells all of them, as an overflow of the kernel's queue does.
  void touch_all();
  /// From here on watch_paths() fails, or set_directories() with this directory in it.
  void refuse_watches(bool refuse) noexcept { refuse_watches_ = refuse; }
  void refuse_directory(const std::string& directory) { refused_.insert(directory); }
  void allow_directory(const std::string& directory) { refused_.erase(directory); }
  /// What the living watches watch, together.
  [[nodiscard]] std::set<std::string> watched() const;

 private:
  struct Sleep;
  class Watch;
  Instant now_{std::chrono::hours(1)};
  Millis wall_step_{0};
  std::uint64_t next_ticket_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Sleep*> sleepers_;
  std::vector<Watch*> watches_;
  std::set<std::string> refused_;
  bool refuse_watches_ = false;
};

}  // namespace tantalus::test
