// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>

namespace tantalus {

/// Says to one waiting task that its caller has left. Pinned; owned by the caller's side, it outlives every task it was
/// given to. Loop thread only. At most one waiter at a time, which registers how to be woken.
class Cancel {
 public:
  Cancel() = default;
  Cancel(const Cancel&) = delete;
  Cancel& operator=(const Cancel&) = delete;

  /// What is waiting now; called at most once per registration, from cancel(). It must not destroy the Cancel.
  class Waiter {
   public:
    virtual void on_cancel() noexcept = 0;

   protected:
    ~Waiter() = default;
  };

  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }
  void cancel() noexcept {
    if (cancelled_) {
      return;
    }
    cancelled_ = true;
    if (Waiter* waiter = waiter_) {
      waiter_ = nullptr;
      waiter->on_cancel();
    }
  }
  void set_waiter(Waiter* waiter) noexcept { waiter_ = waiter; }
  void clear_waiter() noexcept { waiter_ = nullptr; }

 private:
  bool cancelled_ = false;
  Waiter* waiter_ = nullptr;
};

}  // namespace tantalus
