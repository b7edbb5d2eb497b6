// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/audit/audit.h"
#include "agent/identity/identity.h"
#include "agent/loop/loop.h"
#include "agent/server/lag.h"
#include "backends/async/gate.h"

namespace tantalus {

class Connection;

/// What happens once before the loop sleeps, in this order: the turn's audit lines are written, then the turn's replies
/// leave (promise 9). Also the bounds that make turns fair (promise 11). Loop thread only; pinned.
class Turn {
 public:
  /// References (or frames without any) that one pod, unit or uid is served in one turn, whatever the number of its
  /// connections; the last batch may go over. The rest waits for the next turn, as do bytes beyond these.
  static constexpr std::size_t references = 64;
  static constexpr std::size_t bytes = 1024 * 1024;

  Turn(Loop& loop, Audit& audit, Gate& gate);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn();

  void add_dirty(Connection& connection) { dirty_.push_back(&connection); }  ///< It has something to finish.
  void add_ready(Connection& connection) { ready_.push_back(&connection); }  ///< It has frames left for the next turn.
  /// Whether this caller may have one more frame served in this turn, and what it then took.
  [[nodiscard]] bool has_room(PrincipalId who) const noexcept;
  void take(PrincipalId who, std::size_t references_of_frame);
  /// A connection that is closed: forgotten here, destroyed when the turn ends.
  void bury(std::unique_ptr<Connection> connection);
  /// The loop's before-sleep hook.
  void finish();
  [[nodiscard]] const LagHistogram& lag() const noexcept { return lag_; }

 private:
  void send();
  void serve_ready();
  void forget_taken() noexcept;
  Audit& audit_;
  Gate& gate_;
  std::vector<Connection*> dirty_, finishing_;
  std::vector<Connection*> ready_, serving_;
  std::vector<std::unique_ptr<Connection>> graves_;
  std::vector<std::uint32_t> taken_;   ///< References in this turn, by PrincipalId, which are small numbers in a row.
  std::vector<std::uint32_t> takers_;  ///< Who took any.
  LagHistogram lag_;
  unsigned turns_ = 0;
  Loop& loop_;
  Timer next_turn_;
};

}  // namespace tantalus
