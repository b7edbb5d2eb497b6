// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/timers.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "protocol/error.h"

namespace tantalus {

TimerQueue::TimerQueue() : fd_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  check(fd_ >= 0, "timerfd_create(CLOCK_BOOTTIME): no descriptor left, or a kernel without it");
}

TimerQueue::~TimerQueue() {
  close(fd_);
}

void TimerQueue::arm(Timer::State& timer, Instant when) {
  disarm(timer);
  timer.when = when;
  timer.order = next_order_++;
  timer.place = Timer::State::Place::heap;
  heap_.push_back(&timer);
  timer.index = heap_.size() - 1;
  sift_up(timer.index);
}

void TimerQueue::disarm(Timer::State& timer) noexcept {
  if (timer.place == Timer::State::Place::heap) {
    remove_at(timer.index);
  } else if (timer.place == Timer::State::Place::due) {
    due_[timer.index] = nullptr;
  }
  timer.place = Timer::State::Place::idle;
}

void TimerQueue::forget(std::unique_ptr<Timer::State> timer) noexcept {
  disarm(*timer);
  if (firing_ == timer.get()) {
    dying_ = std::move(timer);  // Until its callback has returned.
  }
}

void TimerQueue::run_due(Instant now) {
  due_.clear();
  while (!heap_.empty() && heap_.front()->when <= now) {
    Timer::State* timer = heap_.front();
    remove_at(0);
    timer->place = Timer::State::Place::due;
    timer->index = due_.size();
    due_.push_back(timer);
  }
  // By index: nothing is added to due_ meanwhile, but entries go.
  for (std::size_t i = 0; i < due_.size(); ++i) {
    Timer::State* timer = due_[i];
    if (timer == nullptr) {
      continue;
    }
    timer->place = Timer::State::Place::idle;
    firing_ = timer;
    timer->on_due();
    firing_ = nullptr;
    dying_.reset();
  }
}

void TimerQueue::settle() noexcept {
  const Instant earliest = heap_.empty() ? Instant::max() : heap_.front()->when;
  // Setting it also takes the ring away, so that no read(2) is needed.
  if (rang_ || earliest < set_for_) {
    set_clock(earliest);
  }
  rang_ = false;
}

void TimerQueue::set_clock(Instant when) noexcept {
  itimerspec spec{};
  if (when != Instant::max()) {
    // Zero would switch it off; what lies in the past rings at once.
    const auto since_boot = std::max(when.time_since_epoch(), BootClock::duration(1));
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    spec.it_value.tv_sec = static_cast<std::time_t>(whole.count());
    spec.it_value.tv_nsec = static_cast<long>((since_boot - whole).count());
  }
  check(timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr) == 0, "timerfd_settime");
  set_for_ = when;
}

bool TimerQueue::is_before(const Timer::State& a, const Timer::State& b) noexcept {
  return a.when != b.when ? a.when < b.when : a.order < b.order;
}

void TimerQueue::put(std::size_t index, Timer::State* timer) noexcept {
  heap_[index] = timer;
  timer->index = index;
}

void TimerQueue::sift_up(std::size_t index) noexcept {
  Timer::State* timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!is_before(*timer, *heap_[parent])) {
      break;
    }
    put(index, heap_[parent]);
    index = parent;
  }
  put(index, timer);
}

void TimerQueue::sift_down(std::size_t index) noexcept {
  Timer::State* timer = heap_[index];
  while (2 * index + 1 < heap_.size()) {
    std::size_t child = 2 * index + 1;
    if (child + 1 < heap_.size() && is_before(*heap_[child + 1], *heap_[child])) {
      ++child;
    }
    if (!is_before(*heap_[child], *timer)) {
      break;
    }
    put(index, heap_[child]);
    index = child;
  }
  put(index, timer);
}

void TimerQueue::remove_at(std::size_t index) noexcept {
  Timer::State* last = heap_.back();
  heap_.pop_back();
  if (index < heap_.size()) {
    put(index, last);
    sift_down(index);
    sift_up(last->index);
  }
}

}  // namespace tantalus
