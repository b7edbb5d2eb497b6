// SPDX-License-Identifier: Apache-2.0
// Random callers that come, leave and ask again, over flights that take random times: nobody who stayed goes without an
// answer, no answer is older than its question, and never are two flights for one key under way.
#include <deque>
#include <map>
#include <random>

#include "backends/async/gate.h"
#include "backends/async/single_flight.h"
#include "tests/support/catch.h"
#include "tests/support/sim_io.h"

namespace tantalus {
namespace {

struct Read {
  int key;
  Instant begun;
};
using Flights = SingleFlight<int, Read>;

struct Caller {
  Cancel cancel;
  bool left = false;
  bool answered = false;
};

struct World {
  explicit World(unsigned seed) : random(seed) {}
  int up_to(int most) { return std::uniform_int_distribution<int>(0, most)(random); }

  std::mt19937 random;
  test::SimIo io;
  std::deque<Caller> callers;
  std::map<int, int> flying;
  Gate gate;
  Flights flights{64};
};

Task<Result<Read>> read(World& world, int key, Cancel& cancel) {
  CHECK(++world.flying[key] == 1);
  const Instant begun = world.io.now();
  const int time = world.up_to(20);
  if (time > 3) {
    co_await world.io.sleep_until(world.io.now() + Millis{time}, cancel);
  }
  --world.flying[key];
  if (world.up_to(4) == 0) {
    co_return fail(Code::unavailable, "down");
  }
  co_return Read{key, begun};
}

Task<void> call(World& world, int key, int times, Caller& caller) {
  for (int i = 0; i < times; ++i) {
    const Instant asked = world.io.now();
    Flights::Start start = [&world, key](Cancel& cancel) { return read(world, key, cancel); };
    Result<Read> result = co_await world.flights.join(key, std::move(start), caller.cancel);
    if (caller.left) {
      CHECK_FALSE(result.has_value());
      co_return;
    }
    if (result) {
      CHECK(result->key == key);
      CHECK(world.io.now() - result->begun <= Millis{20});
      CHECK(result->begun + Millis{20} >= asked);
    }
    // Who was answered may send another one away, in the middle of the waking.
    Caller& other = world.callers[static_cast<std::size_t>(world.up_to(static_cast<int>(world.callers.size()) - 1))];
    if (world.up_to(9) == 0 && !other.answered && &other != &caller) {
      other.left = true;
      other.cancel.cancel();
    }
  }
  caller.answered = true;
}

TEST_CASE("callers that come, leave and return find one flight a key and an answer each", "[trap-42][trap-43]") {
  const unsigned first = std::random_device{}();
  for (unsigned seed = first; seed != first + 200; ++seed) {
    INFO("seed " << seed);
    World world(seed);
    for (int i = 0; i < 200; ++i) {
      Caller& caller = world.callers.emplace_back();
      world.gate.enter(call(world, world.up_to(7), 1 + world.up_to(3), caller));
      if (world.up_to(3) == 0) {
        world.io.run_for(Millis{world.up_to(15)});
        world.gate.sweep();
      }
    }
    world.io.run_for(Millis{1000});
    world.gate.sweep();
    REQUIRE(world.gate.in_flight() == 0);
    REQUIRE(world.flights.under_way() == 0);
    for (const Caller& caller : world.callers) {
      REQUIRE((caller.left || caller.answered));
    }
  }
}

}  // namespace
}  // namespace tantalus
