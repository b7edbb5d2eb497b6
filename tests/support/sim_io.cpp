// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sim_io.h"

#include <algorithm>

namespace tantalus::test {

struct SimIo::Sleep final : Cancel::Waiter {
  Sleep(SimIo& owner, Instant until, Cancel& callers)
      : io(owner), place{until, owner.next_ticket_++}, cancel(callers) {}
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;
  ~Sleep() {
    if (waiting) {
      io.sleepers_.erase(place);
      cancel.clear_waiter();
    }
  }
  [[nodiscard]] bool await_ready() const noexcept { return cancel.is_cancelled(); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiting = waiter;
    io.sleepers_.emplace(place, this);
    cancel.set_waiter(this);
  }
  void await_resume() const noexcept {}
  void wake() {
    io.sleepers_.erase(place);
    cancel.clear_waiter();
    std::exchange(waiting, {}).resume();
  }
  void on_cancel() noexcept override { wake(); }

  SimIo& io;
  std::pair<Instant, std::uint64_t> place;
  Cancel& cancel;
  std::coroutine_handle<> waiting;
};

class SimIo::Watch final : public PathWatch, public Cancel::Waiter {
 public:
  explicit Watch(SimIo& io) : io_(io) { io_.watches_.push_back(this); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() override { std::erase(io_.watches_, this); }

  Result<void> set_directories(std::span<const std::string> directories) override {
    directories_.clear();
    bool all = true;
    for (const std::string& directory : directories) {
      if (io_.refused_.contains(directory)) {
        all = false;
      } else {
        directories_.insert(directory);
      }
    }
    if (!all) {
      return fail(Code::unavailable, "a directory can't be watched");
    }
    return {};
  }

  Task<void> changed(Cancel& cancel) override {
    Turn turn{*this, cancel};
    co_await turn;
    pending_ = false;
  }

  void tell() {
    pending_ = true;
    if (waiting_) {
      cancel_->clear_waiter();
      std::exchange(waiting_, {}).resume();
    }
  }
  void on_cancel() noexcept override { std::exchange(waiting_, {}).resume(); }
  [[nodiscard]] const std::set<std::string>& directories() const noexcept { return directories_; }

 private:
  struct Turn {
    Turn(Watch& owner, Cancel& callers) : watch(owner), cancel(callers) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (watch.waiting_) {
        watch.waiting_ = {};
        cancel.clear_waiter();
      }
    }
    [[nodiscard]] bool await_ready() const noexcept { return watch.pending_ || cancel.is_cancelled(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
      watch.waiting_ = waiter;
      watch.cancel_ = &cancel;
      cancel.set_waiter(&watch);
    }
    void await_resume() const noexcept {}
    Watch& watch;
    Cancel& cancel;
  };

  SimIo& io_;
  std::set<std::string> directories_;
  bool pending_ = false;
  std::coroutine_handle<> waiting_;
  Cancel* cancel_ = nullptr;
};

SimIo::SimIo() = default;
SimIo::~SimIo() {
  check(sleepers_.empty() && watches_.empty(), "a task outlived its SimIo");
}

WallMillis SimIo::wall_now() const noexcept {
  constexpr Millis start{1'800'000'000'000};  // January 2027.
  return WallMillis(start + wall_step_ + to_millis(now_.time_since_epoch()));
}

Task<void> SimIo::sleep_until(Instant when, Cancel& cancel) {
  Sleep sleep(*this, when, cancel);
  co_await sleep;
}

Result<std::unique_ptr<PathWatch>> SimIo::watch_paths() {
  if (refuse_watches_) {
    return fail(Code::unavailable, "no more watches");
  }
  return std::make_unique<Watch>(*this);
}

bool SimIo::run_one() {
  if (sleepers_.empty()) {
    return false;
  }
  const auto first = sleepers_.begin();
  now_ = std::max(now_, first->first.first);
  first->second->wake();
  return true;
}

void SimIo::run_for(Millis time) {
  const Instant end = now_ + time;
  while (!sleepers_.empty() && sleepers_.begin()->first.first <= end) {
    run_one();
  }
  now_ = end;
}

bool SimIo::touch(const std::string& directory) {
  bool heard = false;
  const std::vector<Watch*> all = watches_;
  for (Watch* watch : all) {
    if (watch->directories().contains(directory)) {
      heard = true;
      watch->tell();
    }
  }
  return heard;
}

void SimIo::touch_all() {
  const std::vector<Watch*> all = watches_;
  for (Watch* watch : all) {
    watch->tell();
  }
}

std::set<std::string> SimIo::watched() const {
  std::set<std::string> all;
  for (const Watch* watch : watches_) {
    all.insert(watch->directories().begin(), watch->directories().end());
  }
  return all;
}

}  // namespace tantalus::test
