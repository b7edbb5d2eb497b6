// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>

#include "agent/loop/loop.h"
#include "backends/async/cancel.h"

namespace tantalus {

/// One wait of a coroutine, in its frame: until a time, or until its Cancel fires. Whatever ends it, the coroutine goes
/// on from the loop's timers and never from the stack of whoever ended it, so that nobody finds his own objects gone
/// after a call.
class Suspension final : private Cancel::Waiter {
 public:
  Suspension(Loop& loop, Cancel& cancel) : cancel_(cancel), timer_(loop, [this] { go_on(); }) {}
  ~Suspension() {
    if (handle_) {
      cancel_.clear_waiter();
    }
  }
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

  void resume_at(Instant when) { timer_.arm(when); }
  /// In this turn, before the loop sleeps.
  void resume_soon() { timer_.arm(Instant::min()); }

  [[nodiscard]] bool await_ready() const noexcept { return cancel_.is_cancelled(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    handle_ = handle;
    cancel_.set_waiter(this);
  }
  void await_resume() const noexcept {}

 private:
  void on_cancel() noexcept override { resume_soon(); }
  void go_on() {
    cancel_.clear_waiter();
    std::exchange(handle_, {}).resume();  // Frees *this.
  }

  Cancel& cancel_;
  std::coroutine_handle<> handle_;
  Timer timer_;
};

}  // namespace tantalus
