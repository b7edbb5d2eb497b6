// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "protocol/error.h"

namespace tantalus {

/// A second handle to what a flight brought: by its share(), by a share(const T&) beside its type, or as a copy.
template <class T>
[[nodiscard]] T share_of(const T& value) {
  if constexpr (requires { value.share(); }) {
    return value.share();
  } else if constexpr (requires { share(value); }) {
    return share(value);
  } else {
    return value;
  }
}

/// One piece of work for all who wait for the same key: 100 misses are one call (trap 42). The work belongs to this
/// object, never to who asked first: whoever leaves, by its Cancel or because its frame is destroyed, gives up only a
/// seat (trap 43). Waiters are resumed in the order in which they came; one may join again, for the same key too, or
/// make others leave while that goes on. Pinned; loop thread only; outlives every join(); not destroyed by a waiter.
template <class Key, class Value, class Hash = std::hash<Key>>
class SingleFlight {
 public:
  /// Makes the work, unstarted. Called at once, and only when nobody flies for the key. The Cancel is the flight's own
  /// and outlives the task.
  using Start = std::move_only_function<Task<Result<Value>>(Cancel&)>;

  explicit SingleFlight(std::size_t max_flights) : max_flights_(max_flights) {}
  SingleFlight(const SingleFlight&) = delete;
  SingleFlight& operator=(const SingleFlight&) = delete;
  /// Destroys the work that is under way, which cancels it. Who still waits is never resumed.
  ~SingleFlight() { check(waking_ == 0, "a waiter destroyed its SingleFlight"); }

  /// The result of the flight for `key`, which this call starts where there is none; `overloaded` when `max_flights`
  /// are under way. When `cancel` fires, which outlives the task, it ends at once with `unavailable`.
  [[nodiscard]] Task<Result<Value>> join(Key key, Start start, Cancel& cancel) {
    sweep();
    if (cancel.is_cancelled()) {
      co_return left();
    }
    Seat seat(cancel);
    const auto found = flights_.find(key);
    if (found != flights_.end()) {
      ++joins_;
      found->second.seats.add(seat);
    } else if (flights_.size() < max_flights_) {
      // The flight may land before this returns; then the seat is served already and nothing is waited for, so that
      // any number of ready results in a row needs no more stack than one.
      take_off(std::move(key), std::move(start), seat);
    } else {
      co_return fail(Code::overloaded, "too many reads are under way");
    }
    co_await seat;
    co_return std::move(*seat.result);
  }

  /// Frees what flights that have landed still hold: their frames, no results. join() does it too.
  void sweep() noexcept {
    landed_.remove_if([](const Node& node) { return node.mapped().driver->is_done(); });
  }

  [[nodiscard]] std::size_t under_way() const noexcept { return flights_.size(); }
  [[nodiscard]] bool flies(const Key& key) const { return flights_.contains(key); }
  /// How many callers found a flight that they could join.
  [[nodiscard]] std::uint64_t joins() const noexcept { return joins_; }

 private:
  static std::unexpected<Error> left() { return fail(Code::unavailable, "the caller left"); }

  /// In the ring of those who wait for a flight. Lives in the frame of the waiter's join().
  struct Seat final : Cancel::Waiter {
    explicit Seat(Cancel& callers) noexcept : cancel(callers) {}
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    ~Seat() {
      unlink();
      if (waiting) {
        cancel.clear_waiter();
      }
    }

    [[nodiscard]] bool await_ready() const noexcept { return result.has_value(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
      waiting = waiter;
      cancel.set_waiter(this);
    }
    void await_resume() const noexcept {}

    void serve(Result<Value> with) {
      result.emplace(std::move(with));
      if (waiting) {
        cancel.clear_waiter();
        std::exchange(waiting, {}).resume();
      }
    }
    void on_cancel() noexcept override {
      unlink();
      result.emplace(left());
      std::exchange(waiting, {}).resume();
    }
    void unlink() noexcept {
      before->after = after;
      after->before = before;
      before = after = this;
    }

    Cancel& cancel;
    Seat* before = this;
    Seat* after = this;
    std::coroutine_handle<> waiting;
    std::optional<Result<Value>> result;
  };

  /// The ring. Seats leave it by themselves, also while it is being emptied.
  class Seats {
   public:
    Seats() = default;
    Seats(const Seats&) = delete;
    Seats& operator=(const Seats&) = delete;
    ~Seats() {
      while (pop() != nullptr) {
      }
    }
    void add(Seat& seat) noexcept {
      seat.before = end_.before;
      seat.after = &end_;
      end_.before->after = &seat;
      end_.before = &seat;
    }
    Seat* pop() noexcept {
      Seat* first = end_.after;
      if (first == &end_) {
        return nullptr;
      }
      first->unlink();
      return first;
    }
    [[nodiscard]] bool empty() const noexcept { return end_.after == &end_; }

   private:
    Cancel nobody_;
    Seat end_{nobody_};
  };

  struct Flight {
    Seats seats;
    Cancel cancel;
    std::optional<Task<void>> driver;  // Last, as it uses the others.
  };

  void take_off(Key key, Start start, Seat& first) {
    const auto made = flights_.try_emplace(std::move(key)).first;
    Flight& flight = made->second;
    flight.seats.add(first);
    flight.driver.emplace(drive(made->first, flight, start(flight.cancel)));
    flight.driver->start();
  }

  /// `key` and `flight` are the map's own, which stay where they are when the node is taken out of the map.
  Task<void> drive(const Key& key, Flight& flight, Task<Result<Value>> work) {
    std::optional<Result<Value>> result;
    {
      Task<Result<Value>> running = std::move(work);
      Result<Value> brought = co_await running;
      result.emplace(std::move(brought));
    }
    // From here on a join() for the key starts anew.
    landed_.push_back(flights_.extract(key));
    ++waking_;
    while (Seat* seat = flight.seats.pop()) {
      if (flight.seats.empty()) {
        seat->serve(std::move(*result));
      } else if (result->has_value()) {
        seat->serve(Result<Value>(share_of(**result)));
      } else {
        seat->serve(std::unexpected(result->error()));
      }
    }
    --waking_;
  }

  using Map = std::unordered_map<Key, Flight, Hash>;
  using Node = typename Map::node_type;

  std::size_t max_flights_;
  std::uint64_t joins_ = 0;
  std::size_t waking_ = 0;
  std::list<Node> landed_;
  Map flights_;
};

}  // namespace tantalus
