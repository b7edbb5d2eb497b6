// SPDX-License-Identifier: Apache-2.0
#include "backends/async/gate.h"

#include "tests/support/catch.h"
#include "tests/support/sim_io.h"

namespace tantalus {
namespace {

struct Counter {
  explicit Counter(int& count) : living(count) { ++living; }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() { --living; }
  int& living;
};

Task<void> nap(test::SimIo& io, Millis time, Cancel& cancel, int& living, int& ended) {
  Counter counter(living);
  co_await io.sleep_until(io.now() + time, cancel);
  ++ended;
}

Task<void> enter_another(Gate& gate, test::SimIo& io, Cancel& cancel, int& living, int& ended) {
  CHECK(gate.enter(nap(io, Millis{5}, cancel, living, ended)));
  co_return;
}

TEST_CASE("a gate keeps tasks until they have ended and the loop sweeps") {
  test::SimIo io;
  Cancel never;
  int living = 0;
  int ended = 0;
  Gate gate;
  CHECK(gate.enter(nap(io, Millis{10}, never, living, ended)));
  CHECK(gate.enter(nap(io, Millis{20}, never, living, ended)));
  CHECK(gate.enter(enter_another(gate, io, never, living, ended)));
  CHECK(gate.in_flight() == 4);
  gate.sweep();
  CHECK(gate.in_flight() == 3);
  io.run_for(Millis{15});
  CHECK(ended == 2);
  gate.sweep();
  CHECK(gate.in_flight() == 1);
  io.run_for(Millis{15});
  gate.sweep();
  CHECK(gate.in_flight() == 0);
  CHECK(living == 0);
}

TEST_CASE("a closed gate lets nobody in, and its end cancels who is left") {
  test::SimIo io;
  Cancel never;
  int living = 0;
  int ended = 0;
  {
    Gate gate;
    CHECK(gate.enter(nap(io, Millis{10}, never, living, ended)));
    gate.close();
    CHECK_FALSE(gate.enter(nap(io, Millis{10}, never, living, ended)));
    CHECK(gate.is_closed());
    CHECK(living == 1);
  }
  CHECK(living == 0);
  CHECK(io.sleepers() == 0);
  CHECK(ended == 0);
}

}  // namespace
}  // namespace tantalus
