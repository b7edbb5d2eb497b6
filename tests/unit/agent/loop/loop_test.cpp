// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "tests/support/alloc_counter.h"
#include "tests/support/catch.h"

using namespace tantalus;
using namespace std::chrono_literals;

namespace {

struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0); }
  ~Pair() {
    ::close(fds[0]);
    ::close(fds[1]);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  [[nodiscard]] int ours() const { return fds[0]; }
  [[nodiscard]] int peer() const { return fds[1]; }
  void send() const { REQUIRE(::write(fds[1], "x", 1) == 1); }
  void drain() const {
    std::array<char, 64> bytes;
    while (::read(fds[0], bytes.data(), bytes.size()) > 0) {
    }
  }
  std::array<int, 2> fds{};
};

/// Ends the test's loop however the test goes wrong.
class Deadline {
 public:
  explicit Deadline(Loop& loop)
      : timer_(loop, [&loop, this] {
          passed_ = true;
          loop.stop();
        }) {
    timer_.arm(loop.precise_now() + 20s);
  }
  [[nodiscard]] bool has_passed() const { return passed_; }

 private:
  bool passed_ = false;
  Timer timer_;
};

}  // namespace

TEST_CASE("the clock is read once a turn, and is right before the loop runs") {
  Loop loop;
  const Instant before = loop.now();
  std::this_thread::sleep_for(2ms);
  CHECK(loop.now() > before);

  std::vector<Instant> seen;
  Timer first(loop, [&] {
    seen.push_back(loop.now());
    std::this_thread::sleep_for(2ms);
    seen.push_back(loop.now());
    CHECK(loop.precise_now() >= loop.now() + 2ms);
  });
  Timer second(loop, [&] {
    seen.push_back(loop.now());
    loop.stop();
  });
  first.arm(loop.now() + 1ms);
  second.arm(loop.now() + 10ms);
  loop.run();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0] == seen[1]);
  CHECK(seen[2] >= seen[1] + 2ms);
}

TEST_CASE("the hook runs before every sleep, after the timers and the I/O of the turn") {
  Loop loop;
  Pair pair;
  const Deadline deadline(loop);
  std::uint64_t hooks = 0;
  int queued = 0;
  int flushed = 0;
  int rounds = 0;
  Timer timer(loop, [&] { ++queued; });
  FdWatch watch(loop, pair.ours(), [&](unsigned) {
    pair.drain();
    ++queued;
    timer.arm(loop.now());  // In the past by now: fires in this very turn.
  });
  watch.want(FdWatch::readable);
  loop.set_before_sleep([&] {
    ++hooks;
    flushed += queued;
    if (queued != 0) {
      CHECK(queued == 2);
      ++rounds;
    }
    queued = 0;
    if (rounds == 10) {
      loop.stop();
    } else {
      pair.send();
    }
  });
  loop.run();
  CHECK_FALSE(deadline.has_passed());
  CHECK(flushed == 20);
  CHECK(hooks == loop.turns() + 1);  // And once when it stopped.
}

TEST_CASE("what the last turn queued is still flushed when the loop stops") {
  Loop loop;
  bool queued = false;
  bool flushed = false;
  Timer timer(loop, [] {});
  Pair pair;
  FdWatch watch(loop, pair.ours(), [&](unsigned) {
    queued = true;
    loop.stop();
  });
  watch.want(FdWatch::readable);
  loop.set_before_sleep([&] { flushed = queued; });
  pair.send();
  loop.run();
  CHECK(flushed);
}

TEST_CASE("an idle loop does not wake") {
  Loop loop;
  Pair pair;
  Timer far_away(loop, [] {});
  far_away.arm(loop.now() + 1h);
  Timer disarmed(loop, [] {});
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  std::optional<std::jthread> peer;
  FdWatch watch(loop, pair.ours(), [&](unsigned) {
    pair.drain();
    if (before == 0) {
      before = loop.turns();
      peer.emplace([&] {
        std::this_thread::sleep_for(300ms);
        pair.send();
      });
      return;
    }
    after = loop.turns();
    loop.stop();
  });
  watch.want(FdWatch::readable);
  pair.send();
  loop.run();
  CHECK(after == before + 1);
}

TEST_CASE("a timer that was disarmed costs one empty turn at most") {
  Loop loop;
  Pair pair;
  Timer disarmed(loop, [] { FAIL("it was disarmed"); });
  std::uint64_t before = 0;
  std::uint64_t after = 0;
  std::optional<std::jthread> peer;
  FdWatch watch(loop, pair.ours(), [&](unsigned) {
    pair.drain();
    if (peer) {
      after = loop.turns();
      loop.stop();
      return;
    }
    disarmed.disarm();
    before = loop.turns();
    peer.emplace([&] {
      std::this_thread::sleep_for(200ms);
      pair.send();
    });
  });
  watch.want(FdWatch::readable);
  bool armed = false;
  loop.set_before_sleep([&] {
    if (!armed) {
      armed = true;
      disarmed.arm(loop.now() + 50ms);
      pair.send();
    }
  });
  loop.run();
  CHECK(after - before >= 1);
  CHECK(after - before <= 2);
}

TEST_CASE("a turn allocates nothing once the loop is warm") {
  Loop loop;
  Pair pair;
  Timer deadline(loop, [] {});
  int turns = 0;
  std::size_t before = 0;
  std::size_t after = 0;
  FdWatch watch(loop, pair.ours(), [&](unsigned) {
    pair.drain();
    deadline.arm(loop.now() + 1h + std::chrono::seconds(turns));
    if (++turns == 10) {
      before = heap_allocations();
    } else if (turns == 1000) {
      after = heap_allocations();
      loop.stop();
    }
  });
  watch.want(FdWatch::readable);
  loop.set_before_sleep([&] {
    watch.want(FdWatch::readable);
    if (turns % 2 == 0) {
      deadline.disarm();
    }
    pair.send();
  });
  loop.run();
  CHECK(after == before);
}

TEST_CASE("a watch is level-triggered, and hears of nothing it does not want") {
  Loop loop;
  Pair pair;
  const Deadline deadline(loop);
  int calls = 0;
  FdWatch watch(loop, pair.ours(), [&](unsigned events) {
    CHECK(events == FdWatch::readable);
    if (++calls == 3) {
      watch.want(FdWatch::none);
    }
  });
  watch.want(FdWatch::readable);
  Timer later(loop, [&] { loop.stop(); });
  later.arm(loop.now() + 50ms);
  pair.send();
  loop.run();
  CHECK(calls == 3);

  unsigned seen = FdWatch::none;
  FdWatch other(loop, pair.peer(), [&](unsigned events) {
    seen = events;
    loop.stop();
  });
  other.want(FdWatch::readable | FdWatch::writable);
  loop.run();
  CHECK(seen == FdWatch::writable);
}

TEST_CASE("a watch may be destroyed by its own callback, and its descriptor closed and used again at once") {
  Loop loop;
  const Deadline deadline(loop);
  Pair first;
  Pair second;
  bool moved = false;
  std::unique_ptr<FdWatch> again;
  std::unique_ptr<FdWatch> watch = std::make_unique<FdWatch>(loop, first.ours(), [&](unsigned) {
    const int number = first.ours();
    watch.reset();
    ::close(number);
    REQUIRE(::dup3(second.ours(), number, O_CLOEXEC) == number);
    again = std::make_unique<FdWatch>(loop, number, [&](unsigned) {
      moved = true;
      loop.stop();
    });
    again->want(FdWatch::readable);
    second.send();
  });
  watch->want(FdWatch::readable);
  first.send();
  loop.run();
  CHECK(moved);
}

TEST_CASE("a watch that was destroyed in the turn in which it became ready is not called") {
  Loop loop;
  const Deadline deadline(loop);
  Pair one;
  Pair two;
  int calls = 0;
  std::unique_ptr<FdWatch> first;
  std::unique_ptr<FdWatch> second;
  const auto on_ready = [&](unsigned) {
    ++calls;
    first.reset();
    second.reset();
    loop.stop();
  };
  first = std::make_unique<FdWatch>(loop, one.ours(), on_ready);
  second = std::make_unique<FdWatch>(loop, two.ours(), on_ready);
  first->want(FdWatch::readable);
  second->want(FdWatch::readable);
  one.send();
  two.send();
  loop.run();
  CHECK(calls == 1);
}

TEST_CASE("a peer that shuts its writing side is a hangup to those who want to hear of it") {
  Loop loop;
  const Deadline deadline(loop);
  Pair pair;
  unsigned seen = FdWatch::none;
  FdWatch watch(loop, pair.ours(), [&](unsigned events) {
    seen = events;
    watch.want(FdWatch::none);
    loop.stop();
  });
  watch.want(FdWatch::hangup);
  REQUIRE(::shutdown(pair.peer(), SHUT_WR) == 0);
  loop.run();
  CHECK(seen == FdWatch::hangup);
}

TEST_CASE("a descriptor in error reports what was wanted of it, again and again") {
  Loop loop;
  const Deadline deadline(loop);
  std::array<int, 2> fds{};
  REQUIRE(::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  ::close(fds[0]);  // A pipe without a reader is EPOLLERR.
  int calls = 0;
  FdWatch watch(loop, fds[1], [&](unsigned events) {
    CHECK(events == (FdWatch::writable | FdWatch::hangup));
    if (++calls == 3) {
      loop.stop();
    }
  });
  watch.want(FdWatch::writable);
  loop.run();
  CHECK(calls == 3);
  ::close(fds[1]);
}

TEST_CASE("a write to a peer that left is an error, not the end of the process", "[trap-34]") {
  const Loop loop;
  Pair pair;
  ::shutdown(pair.peer(), SHUT_RD);
  CHECK(::write(pair.ours(), "x", 1) == -1);
  CHECK(errno == EPIPE);
}

TEST_CASE("a signal calls its handler on the loop, and the handler may replace itself") {
  Loop loop;
  const Deadline deadline(loop);
  std::vector<int> calls;
  loop.on_signal(SIGUSR1, [&] {
    calls.push_back(1);
    loop.on_signal(SIGUSR1, [&] {
      calls.push_back(2);
      loop.stop();
    });
    ::raise(SIGUSR1);
  });
  Timer start(loop, [] { ::raise(SIGUSR1); });
  start.arm(loop.now());
  loop.run();
  CHECK(calls == std::vector{1, 2});
}

TEST_CASE("what is offloaded runs on another thread, and its end is told on the loop's") {
  Loop loop;
  const Deadline deadline(loop);
  const std::thread::id ours = std::this_thread::get_id();
  std::thread::id theirs;
  CHECK(loop.offload([&] { theirs = std::this_thread::get_id(); },
                     [&] {
                       CHECK(std::this_thread::get_id() == ours);
                       loop.stop();
                     }));
  loop.run();
  CHECK_FALSE(deadline.has_passed());
  CHECK(theirs != std::thread::id());
  CHECK(theirs != ours);
}

TEST_CASE("one offloaded job that hangs does not hold up the next") {
  Loop loop;
  const Deadline deadline(loop);
  std::atomic<bool> go_on = false;
  CHECK(loop.offload([&] { go_on.wait(false); }, [&] { loop.stop(); }));
  CHECK(loop.offload([] {},
                     [&] {
                       go_on = true;
                       go_on.notify_all();
                     }));
  loop.run();
  CHECK_FALSE(deadline.has_passed());
}

TEST_CASE("a destroyed loop calls no end of what was offloaded, and drops what has not begun") {
  std::atomic<bool> go_on = false;
  std::atomic<int> started = 0;
  int accepted = 0;
  bool ended = false;
  std::jthread opener;
  {
    Loop loop;
    const auto work = [&] {
      ++started;
      started.notify_all();
      go_on.wait(false);
    };
    for (int i = 0; i < 400; ++i) {
      accepted += loop.offload(work, [&] { ended = true; }) ? 1 : 0;
      if (i == 1) {
        for (int n = started; n < 2; n = started) {
          started.wait(n);
        }
      }
    }
    opener = std::jthread([&] {
      std::this_thread::sleep_for(20ms);  // ~Loop is waiting by then, or comes later: both are right.
      go_on = true;
      go_on.notify_all();
    });
  }
  CHECK(accepted == 258);  // Two run, 256 wait.
  CHECK(started == 2);
  CHECK_FALSE(ended);
}
