// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "backends/io.h"
#include "protocol/error.h"
#include "protocol/instant.h"

namespace tantalus {

/// The event loop: the only libuv. One thread; everything but wake-ups of offload() happens on it. Pinned; outlives
/// every Timer, FdWatch and PathWatch made of it. Reads CLOCK_BOOTTIME once a turn, after the wait.
class Loop final : public Io {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until stop(). What must happen once before each sleep, after all I/O and timers of a turn, is `before_sleep`;
  /// it also runs once more after the last turn, so that nothing that was queued is lost.
  void run();
  /// Ends the run() that is under way, after this turn.
  void stop() noexcept;
  /// Not from within the hook itself.
  void set_before_sleep(std::move_only_function<void()> hook);
  /// How often the loop has woken, for proofs that it sleeps.
  [[nodiscard]] std::uint64_t turns() const noexcept;

  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] WallMillis wall_now() const noexcept override;
  /// A reading of the clock now, for what is measured inside a turn (took_us): a vDSO call.
  [[nodiscard]] Instant precise_now() const noexcept;
  [[nodiscard]] Task<void> sleep_until(Instant when, Cancel& cancel) override;
  [[nodiscard]] Result<std::unique_ptr<PathWatch>> watch_paths() override;

  /// Calls back on the loop each time the signal came (several that are pending are one). Replaces an earlier handler.
  void on_signal(int number, std::move_only_function<void()> handler);
  /// `work` runs on a helper thread and must touch nothing secret; `done` then runs on the loop. Two may run at once,
  /// so no order is promised. False, and neither runs, when 256 wait already. ~Loop waits for what runs, drops what has
  /// not begun, and calls no `done`.
  [[nodiscard]] bool offload(std::move_only_function<void()> work, std::move_only_function<void()> done);

  class State;
  [[nodiscard]] State& state() noexcept { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// Calls back at an Instant on CLOCK_BOOTTIME, once per arming: after the I/O of a turn and before its hook, in order
/// of their Instants, and never from within arm(). Arming and disarming cost no system call unless it becomes the
/// earliest before the loop sleeps. Pinned. Its callback may arm or destroy it.
class Timer {
 public:
  Timer(Loop& loop, std::move_only_function<void()> on_due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void arm(Instant when);
  void disarm() noexcept;
  [[nodiscard]] bool is_armed() const noexcept;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

/// Readiness of a file descriptor that the caller owns and keeps open for the watch's life (it becomes non-blocking;
/// one watch a descriptor). Level-triggered. Pinned. Its callback may destroy it. A descriptor in error reports what is
/// wanted of it and `hangup`, so that the next read or write tells the error; `hangup` alone need be wanted to hear of
/// a peer that shut its writing side, which stays true: want less, or close.
class FdWatch {
 public:
  enum Events : unsigned { none = 0, readable = 1, writable = 2, hangup = 4 };
  using Callback = std::move_only_function<void(unsigned events)>;

  FdWatch(Loop& loop, int fd, Callback on_ready);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;
  /// What is waited for, at first nothing; `none` stops it. Calling it with the same events again is free.
  void want(unsigned events);

 private:
  struct State;
  State* state_;  // Closed asynchronously by libuv, so it outlives this object.
};

}  // namespace tantalus
