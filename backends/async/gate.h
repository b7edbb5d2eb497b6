// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>

#include "backends/async/task.h"

namespace tantalus {

/// Owns root tasks while they are in flight. Drain closes it and waits for zero; destroying it destroys what is left,
/// which cancels it. Pinned; loop thread only; destroyed by nobody whom its tasks own.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate();

  /// Starts a task and keeps it until its end. False, and the task is destroyed unstarted, when the gate is closed.
  bool enter(Task<void> task);
  void close() noexcept { closed_ = true; }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return roots_.size(); }
  /// Frees the frames of tasks that have ended. Called by the loop once a turn: a task can't free its own frame.
  void sweep() noexcept;

 private:
  std::list<Task<void>> roots_;
  bool closed_ = false;
};

}  // namespace tantalus
