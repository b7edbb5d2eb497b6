// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "agent/loop/loop.h"
#include "agent/loop/offload.h"
#include "agent/loop/timers.h"

namespace tantalus {

/// What is libuv's of a Loop: for the files of this folder alone.
class Loop::State {
 public:
  State();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run();
  void stop() noexcept;
  void set_before_sleep(std::move_only_function<void()> hook);
  [[nodiscard]] Instant now() const noexcept;
  /// Reads the turn's time, at the first callback after the wait: libuv has no hook of its own there.
  void enter_turn() noexcept { static_cast<void>(now()); }
  void on_signal(int number, std::move_only_function<void()> handler);

  [[nodiscard]] uv_loop_t* uv() noexcept { return &uv_; }
  [[nodiscard]] TimerQueue& timers() noexcept { return timers_; }
  [[nodiscard]] OffloadThreads& offload() noexcept { return offload_; }
  [[nodiscard]] std::uint64_t turns() const noexcept { return turns_; }

 private:
  struct Signal {
    uv_signal_t handle;
    State* state;
    std::move_only_function<void()> handler;
  };

  void before_sleep();
  void run_hook();

  uv_loop_t uv_;
  uv_prepare_t prepare_;
  uv_async_t helper_ended_;
  uv_poll_t timer_ring_;
  TimerQueue timers_;
  std::map<int, std::unique_ptr<Signal>> signals_;
  std::move_only_function<void()> hook_;
  mutable Instant now_{};
  mutable bool has_read_clock_ = false;
  bool is_running_ = false;
  bool in_hook_ = false;
  std::uint64_t turns_ = 0;
  OffloadThreads offload_;
};

}  // namespace tantalus
