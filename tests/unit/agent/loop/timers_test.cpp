// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/timers.h"

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <vector>

#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "tests/support/catch.h"

using namespace tantalus;
using namespace std::chrono_literals;

namespace {

Instant at(std::chrono::nanoseconds since_boot) {
  return Instant(since_boot);
}

/// Until the descriptor rings; zero: it doesn't.
std::chrono::nanoseconds rings_in(const TimerQueue& queue) {
  itimerspec spec{};
  REQUIRE(::timerfd_gettime(queue.fd(), &spec) == 0);
  return std::chrono::seconds(spec.it_value.tv_sec) + std::chrono::nanoseconds(spec.it_value.tv_nsec);
}

Task<void> nap(Loop& loop, Instant when, Cancel& cancel, std::vector<int>& log, int name) {
  auto sleep = loop.sleep_until(when, cancel);
  co_await sleep;
  log.push_back(name);
}

}  // namespace

TEST_CASE("timers fire in the order of their instants, those of one instant as they were armed") {
  TimerQueue queue;
  std::mt19937 random(7);
  std::vector<std::pair<Instant, int>> expected;
  std::vector<std::pair<Instant, int>> fired;
  std::vector<std::unique_ptr<Timer::State>> timers;
  for (int i = 0; i < 2000; ++i) {
    const Instant when = at(std::chrono::milliseconds(random() % 100));
    timers.push_back(
        std::make_unique<Timer::State>(queue, [&, i] { fired.emplace_back(timers.at(std::size_t(i))->when, i); }));
    queue.arm(*timers.back(), when);
    expected.emplace_back(when, i);
  }
  for (int i = 0; i < 2000; i += 2) {  // Half of them leave, from all places of the heap.
    queue.disarm(*timers[std::size_t(i)]);
  }
  std::erase_if(expected, [](const auto& e) { return e.second % 2 == 0; });
  std::ranges::sort(expected);
  for (int now = 0; now < 100; ++now) {
    queue.run_due(at(std::chrono::milliseconds(now)));
    CHECK((fired.empty() || fired.back().first <= at(std::chrono::milliseconds(now))));
  }
  CHECK(fired == expected);
}

TEST_CASE("the descriptor is set only to become earlier, at most once a turn") {
  TimerQueue queue;
  const auto make = [&] { return std::make_unique<Timer::State>(queue, [] {}); };
  const auto first = make();
  const auto second = make();
  timespec clock{};
  ::clock_gettime(CLOCK_BOOTTIME, &clock);
  const Instant now = at(std::chrono::seconds(clock.tv_sec));

  queue.arm(*first, now + 1000s);
  CHECK(rings_in(queue) == 0s);  // Not before the loop sleeps.
  queue.settle();
  CHECK(rings_in(queue) > 900s);
  queue.arm(*second, now + 2000s);
  queue.disarm(*first);
  queue.settle();
  CHECK(rings_in(queue) <= 1000s);  // As it was.
  queue.arm(*first, now + 500s);
  queue.settle();
  CHECK(rings_in(queue) <= 500s);
  queue.disarm(*first);
  queue.note_ring();
  queue.settle();
  CHECK(rings_in(queue) > 1900s);
  queue.disarm(*second);
  queue.note_ring();
  queue.settle();
  CHECK(rings_in(queue) == 0s);
}

TEST_CASE("a timer in the past, at zero or at the end of time neither hangs nor is lost") {
  TimerQueue queue;
  int fired = 0;
  std::vector<std::unique_ptr<Timer::State>> timers;
  for (const Instant when : {Instant::min(), at(0ns), at(1ns), Instant::max()}) {
    timers.push_back(std::make_unique<Timer::State>(queue, [&] { ++fired; }));
    queue.arm(*timers.back(), when);
  }
  CHECK(fired == 0);
  queue.settle();
  std::uint64_t rings = 0;
  CHECK(::read(queue.fd(), &rings, sizeof rings) == sizeof rings);
  queue.run_due(at(1s));
  CHECK(fired == 3);
  queue.settle();
  CHECK(timers.back()->place == Timer::State::Place::heap);
}

TEST_CASE("a timer's callback may arm, disarm and destroy any timer, its own too") {
  TimerQueue queue;
  std::vector<int> log;
  std::unique_ptr<Timer::State> first;
  std::unique_ptr<Timer::State> second;
  std::unique_ptr<Timer::State> third;
  first = std::make_unique<Timer::State>(queue, [&, keeps = std::make_unique<int>(1)] {
    log.push_back(*keeps);
    queue.forget(std::move(first));
    queue.forget(std::move(second));  // Due in this very round.
    log.push_back(*keeps);            // What the callback captured lives until it returns.
    queue.arm(*third, at(0s));        // Was due; begins anew, for the next round.
  });
  second = std::make_unique<Timer::State>(queue, [&] { log.push_back(2); });
  third = std::make_unique<Timer::State>(queue, [&] { log.push_back(3); });
  queue.arm(*first, at(1s));
  queue.arm(*second, at(1s));
  queue.arm(*third, at(2s));
  queue.run_due(at(2s));
  CHECK(log == std::vector{1, 1});
  queue.run_due(at(2s));
  CHECK(log == std::vector{1, 1, 3});
}

TEST_CASE("a timer that arms itself in the past for ever does not keep the loop from its I/O") {
  Loop loop;
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) == 0);
  int rounds = 0;
  Timer eager(loop, [&] {
    if (++rounds < 100'000) {
      eager.arm(Instant::min());
    }
  });
  eager.arm(Instant::min());
  FdWatch watch(loop, fds[0], [&](unsigned) { loop.stop(); });
  watch.want(FdWatch::readable);
  REQUIRE(::write(fds[1], "x", 1) == 1);
  loop.run();
  CHECK(rounds < 100);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_CASE("a coroutine sleeps until its time, or until it is cancelled") {
  Loop loop;
  Cancel early;
  Cancel never;
  std::vector<int> log;
  auto first = nap(loop, loop.now() + 20ms, never, log, 1);
  auto second = nap(loop, loop.now() + 1h, early, log, 2);
  first.start();
  second.start();
  Timer stop(loop, [&] {
    early.cancel();
    CHECK(log == std::vector{1});  // Nobody's code runs inside cancel().
  });
  stop.arm(loop.now() + 40ms);
  loop.set_before_sleep([&] {
    if (second.is_done()) {
      loop.stop();
    }
  });
  loop.run();
  CHECK(log == std::vector{1, 2});

  auto third = nap(loop, loop.now() + 1h, early, log, 3);
  third.start();
  CHECK(third.is_done());  // Cancelled before it began.
}

TEST_CASE("a sleeping coroutine may be destroyed, before and after its cancel") {
  Loop loop;
  Cancel cancel;
  std::vector<int> log;
  {
    auto destroyed = nap(loop, loop.now() + 1ms, cancel, log, 1);
    destroyed.start();
  }
  cancel.cancel();  // Nobody waits any more.
  Cancel other;
  {
    auto destroyed = nap(loop, loop.now() + 1h, other, log, 2);
    destroyed.start();
    other.cancel();
  }
  Timer stop(loop, [&] { loop.stop(); });
  stop.arm(loop.now() + 10ms);
  loop.run();
  CHECK(log.empty());
}
