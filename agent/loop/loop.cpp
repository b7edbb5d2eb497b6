// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/loop.h"

#include <signal.h>
#include <time.h>

#include <utility>

#include "agent/loop/state.h"
#include "agent/loop/suspension.h"
#include "agent/loop/watch.h"

namespace tantalus {
namespace {

Instant read_clock() noexcept {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return Instant(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

}  // namespace

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

void Loop::run() {
  state_->run();
}
void Loop::stop() noexcept {
  state_->stop();
}
void Loop::set_before_sleep(std::move_only_function<void()> hook) {
  state_->set_before_sleep(std::move(hook));
}
std::uint64_t Loop::turns() const noexcept {
  return state_->turns();
}
Instant Loop::now() const noexcept {
  return state_->now();
}
Instant Loop::precise_now() const noexcept {
  return read_clock();
}

WallMillis Loop::wall_now() const noexcept {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
}

Task<void> Loop::sleep_until(Instant when, Cancel& cancel) {
  Suspension asleep(*this, cancel);
  asleep.resume_at(when);
  co_await asleep;
}

Result<std::unique_ptr<PathWatch>> Loop::watch_paths() {
  return make_path_watch(*this);
}

void Loop::on_signal(int number, std::move_only_function<void()> handler) {
  state_->on_signal(number, std::move(handler));
}

bool Loop::offload(std::move_only_function<void()> work, std::move_only_function<void()> done) {
  return state_->offload().submit(std::move(work), std::move(done));
}

Loop::State::State() : offload_([this] { uv_async_send(&helper_ended_); }) {
  // A peer that leaves in the middle of a reply is an EPIPE, not the end of the process (trap 34).
  signal(SIGPIPE, SIG_IGN);
  // A file at its size limit (setrlimit(2)) is an EFBIG that the audit trail reports.
  signal(SIGXFSZ, SIG_IGN);
  check(uv_loop_init(&uv_) == 0, "uv_loop_init: no descriptor or memory left");
  uv_.data = this;

  // The prepare handle runs once before each wait, after all callbacks of the turn.
  uv_prepare_init(&uv_, &prepare_);
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<State*>(handle->loop->data)->before_sleep(); });
  const auto collect = [](uv_async_t* handle) {
    auto* self = static_cast<State*>(handle->loop->data);
    self->enter_turn();
    self->offload_.collect();
  };
  check(uv_async_init(&uv_, &helper_ended_, collect) == 0, "uv_async_init: no descriptor left");

  check(uv_poll_init(&uv_, &timer_ring_, timers_.fd()) == 0, "uv_poll_init of the timer");
  uv_poll_start(&timer_ring_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto* self = static_cast<State*>(handle->loop->data);
    self->enter_turn();
    self->timers_.note_ring();
  });
}

Loop::State::~State() {
  offload_.stop();  // Its threads use helper_ended_.
  for (auto& [number, signal] : signals_) {
    uv_close(reinterpret_cast<uv_handle_t*>(&signal->handle), nullptr);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&helper_ended_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_ring_), nullptr);
  uv_run(&uv_, UV_RUN_DEFAULT);  // Runs the close callbacks, those of earlier FdWatches too.
  check(uv_loop_close(&uv_) == 0, "a Timer, FdWatch or PathWatch outlives its loop");
}

void Loop::State::run() {
  is_running_ = true;
  uv_run(&uv_, UV_RUN_DEFAULT);
  is_running_ = false;
  run_hook();
  has_read_clock_ = false;
}

void Loop::State::stop() noexcept {
  // Asked for outside run(), as the last hook may do, libuv would remember it and end the next run at once.
  if (is_running_) {
    uv_stop(&uv_);
  }
}

void Loop::State::set_before_sleep(std::move_only_function<void()> hook) {
  check(!in_hook_, "the hook replaces itself");
  hook_ = std::move(hook);
}

Instant Loop::State::now() const noexcept {
  if (!has_read_clock_) {
    now_ = read_clock();
    has_read_clock_ = is_running_;  // Outside run() there are no turns, so each call reads.
  }
  return now_;
}

void Loop::State::before_sleep() {
  ++turns_;
  timers_.run_due(now());
  run_hook();
  timers_.settle();
  has_read_clock_ = false;
}

void Loop::State::run_hook() {
  if (hook_) {
    in_hook_ = true;
    hook_();
    in_hook_ = false;
  }
}

void Loop::State::on_signal(int number, std::move_only_function<void()> handler) {
  std::unique_ptr<Signal>& signal = signals_[number];
  if (signal) {
    signal->handler = std::move(handler);
    return;
  }
  signal = std::make_unique<Signal>();
  signal->state = this;
  signal->handler = std::move(handler);
  signal->handle.data = signal.get();
  check(uv_signal_init(&uv_, &signal->handle) == 0, "uv_signal_init: no descriptor left");
  const auto deliver = [](uv_signal_t* handle, int) {
    auto* arrived = static_cast<Signal*>(handle->data);
    arrived->state->enter_turn();
    // Called from a place of its own, since it may replace itself.
    auto running = std::move(arrived->handler);
    running();
    if (!arrived->handler) {
      arrived->handler = std::move(running);
    }
  };
  check(uv_signal_start(&signal->handle, deliver, number) == 0, "uv_signal_start: a signal that can't be caught");
}

Timer::Timer(Loop& loop, std::move_only_function<void()> on_due)
    : state_(std::make_unique<State>(loop.state().timers(), std::move(on_due))) {}

Timer::~Timer() {
  TimerQueue& queue = state_->queue;
  queue.forget(std::move(state_));
}

void Timer::arm(Instant when) {
  state_->queue.arm(*state_, when);
}
void Timer::disarm() noexcept {
  state_->queue.disarm(*state_);
}
bool Timer::is_armed() const noexcept {
  return state_->place != State::Place::idle;
}

}  // namespace tantalus
