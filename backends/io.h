// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>

#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "protocol/error.h"
#include "protocol/instant.h"

namespace tantalus {

/// Changes of paths, by inotify(7) or a simulation of it. Loop thread only.
class PathWatch {
 public:
  virtual ~PathWatch() = default;
  /// Directories whose entries (made, closed after writing, moved, deleted) and own existence are watched from here on;
  /// replaces the earlier set. Fails where one can't be watched; the others are.
  [[nodiscard]] virtual Result<void> set_directories(std::span<const std::string> directories) = 0;
  /// Ends when something may have changed since the last call ended (events are summed, none is lost; an overflow of
  /// the kernel's queue is a change), or when `cancel` fires, which outlives the task.
  [[nodiscard]] virtual Task<void> changed(Cancel& cancel) = 0;
};

/// All that a backend may wait for: the seam between what fetches and the loop. Real: agent/loop. Simulated, in
/// virtual time: tests/sim. Loop thread only.
class Io {
 public:
  virtual ~Io() = default;
  /// The turn's time.
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  [[nodiscard]] virtual WallMillis wall_now() const noexcept = 0;
  /// Ends at `when`, or when `cancel` fires, which outlives the task. A `when` after now() ends in a later turn, so
  /// that `now() + 1ns` lets all others have theirs.
  [[nodiscard]] virtual Task<void> sleep_until(Instant when, Cancel& cancel) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<PathWatch>> watch_paths() = 0;
};

}  // namespace tantalus
