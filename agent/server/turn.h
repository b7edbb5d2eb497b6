// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/audit/audit.h"
#include "agent/loop/loop.h"
#include "agent/server/lag.h"
#include "backends/async/gate.h"

namespace tantalus {

class Connection;

/// What happens once before the loop sleeps, in this order: the turn's audit lines are written, then the turn's replies
/// leave (promise 9). Also the bounds that make turns fair (promise 11). Loop thread only; pinned.
class Turn {
 public:
  /// Frames that one connection is served in one turn, and bytes that it is sent: the rest waits for the next one.
  static constexpr unsigned frames = 64;
  static constexpr std::size_t bytes = 1024 * 1024;

  Turn(Loop& loop, Audit& audit, Gate& gate);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn();

  void add_dirty(Connection& connection) { dirty_.push_back(&connection); }  ///< It has something to finish.
  void add_ready(Connection& connection) { ready_.push_back(&connection); }  ///< It has frames left for the next turn.
  /// A connection that is closed: forgotten here, destroyed when the turn ends.
  void bury(std::unique_ptr<Connection> connection);
  /// The loop's before-sleep hook.
  void finish();
  [[nodiscard]] const LagHistogram& lag() const noexcept { return lag_; }

 private:
  void serve_ready();
  Audit& audit_;
  Gate& gate_;
  std::vector<Connection*> dirty_, finishing_;
  std::vector<Connection*> ready_, serving_;
  std::vector<std::unique_ptr<Connection>> graves_;
  LagHistogram lag_;
  unsigned turns_ = 0;
  Loop& loop_;
  Timer next_turn_;
};

}  // namespace tantalus
