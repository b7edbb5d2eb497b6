// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agent/loop/loop.h"
#include "protocol/instant.h"

namespace tantalus {

class TimerQueue;

struct Timer::State {
  enum class Place : std::uint8_t { idle, heap, due };

  State(TimerQueue& its_queue, std::move_only_function<void()> callback) noexcept
      : queue(its_queue), on_due(std::move(callback)) {}

  TimerQueue& queue;
  std::move_only_function<void()> on_due;
  Instant when{};
  std::uint64_t order = 0;  ///< Of arming: what is due at one Instant fires in the order in which it was armed.
  std::size_t index = 0;    ///< Where it stands in its place, so that disarming needs no search.
  Place place = Place::idle;
};

/// All timers of a loop: a binary heap of pointers over one timerfd of CLOCK_BOOTTIME (timerfd_create(2)). The
/// descriptor is set at most once a turn, by settle(), and only to an earlier time: one that rings for a timer that was
/// disarmed meanwhile costs an empty turn, which is less than a system call at each disarming.
class TimerQueue {
 public:
  TimerQueue();
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void arm(Timer::State& timer, Instant when);
  void disarm(Timer::State& timer) noexcept;
  /// Disarms and frees it, also from within its own callback.
  void forget(std::unique_ptr<Timer::State> timer) noexcept;
  /// Fires what is due at `now`. What these callbacks arm waits for the next call, wherever in time it lies.
  void run_due(Instant now);
  /// The descriptor became readable.
  void note_ring() noexcept { rang_ = true; }
  /// Makes the descriptor ring for the earliest timer. The last thing before each sleep.
  void settle() noexcept;

 private:
  [[nodiscard]] static bool is_before(const Timer::State& a, const Timer::State& b) noexcept;
  void put(std::size_t index, Timer::State* timer) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;
  void remove_at(std::size_t index) noexcept;
  void set_clock(Instant when) noexcept;

  int fd_;
  std::vector<Timer::State*> heap_;
  std::vector<Timer::State*> due_;       // Of the run_due() that is under way; null: disarmed since.
  Timer::State* firing_ = nullptr;       // Whose callback runs.
  std::unique_ptr<Timer::State> dying_;  // The same, when it was forgotten meanwhile.
  std::uint64_t next_order_ = 0;
  Instant set_for_ = Instant::max();  // When the descriptor rings; max: never.
  bool rang_ = false;
};

}  // namespace tantalus
