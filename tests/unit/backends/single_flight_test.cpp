// SPDX-License-Identifier: Apache-2.0
#include "backends/async/single_flight.h"

#include <memory>
#include <string>
#include <vector>

#include "backends/async/gate.h"
#include "tests/support/catch.h"
#include "tests/support/sim_io.h"

namespace tantalus {
namespace {

/// Counts its handles, and can't be copied by accident.
class Handle {
 public:
  explicit Handle(int number) : number_(std::make_shared<int>(number)) {}
  Handle(Handle&&) = default;
  Handle& operator=(Handle&&) = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() = default;
  [[nodiscard]] Handle share() const { return Handle(number_); }
  [[nodiscard]] int number() const { return *number_; }
  [[nodiscard]] long handles() const { return number_.use_count(); }

 private:
  explicit Handle(std::shared_ptr<int> number) : number_(std::move(number)) {}
  std::shared_ptr<int> number_;
};

using Flights = SingleFlight<std::string, Handle>;

struct World {
  test::SimIo io;
  Gate gate;
  Flights flights{4};
  int calls = 0;
  std::vector<Result<Handle>> results;
};

Task<Result<Handle>> read(World& world, Millis time, bool fails, Cancel& cancel) {
  const int number = ++world.calls;
  if (time.count() > 0) {
    co_await world.io.sleep_until(world.io.now() + time, cancel);
  }
  if (fails) {
    co_return fail(Code::unavailable, "down");
  }
  co_return Handle(number);
}

Task<void> ask(World& world, std::string key, Millis time, bool fails, Cancel& cancel) {
  Flights::Start start = [&world, time, fails](Cancel& flight) { return read(world, time, fails, flight); };
  Result<Handle> result = co_await world.flights.join(std::move(key), std::move(start), cancel);
  world.results.push_back(std::move(result));
}

TEST_CASE("a hundred concurrent misses are one call", "[trap-42]") {
  World world;
  Cancel never[100];
  for (Cancel& cancel : never) {
    world.gate.enter(ask(world, "k", Millis{10}, false, cancel));
  }
  CHECK(world.flights.under_way() == 1);
  CHECK(world.flights.joins() == 99);
  world.io.run_for(Millis{10});
  CHECK(world.calls == 1);
  REQUIRE(world.results.size() == 100);
  for (const Result<Handle>& result : world.results) {
    REQUIRE(result);
    CHECK(result->number() == 1);
  }
  CHECK(world.results[0]->handles() == 100);  // The flight itself holds none any more.
  CHECK(world.flights.under_way() == 0);
}

TEST_CASE("an error is everybody's, and the next caller asks anew", "[trap-44]") {
  World world;
  Cancel never[3];
  world.gate.enter(ask(world, "k", Millis{10}, true, never[0]));
  world.gate.enter(ask(world, "k", Millis{10}, true, never[1]));
  world.io.run_for(Millis{10});
  REQUIRE(world.results.size() == 2);
  CHECK(world.results[0].error().code == Code::unavailable);
  CHECK(world.results[1].error().message == "down");
  world.gate.enter(ask(world, "k", Millis{10}, false, never[2]));
  world.io.run_for(Millis{10});
  CHECK(world.calls == 2);
  CHECK(world.results[2].has_value());
}

TEST_CASE("the first caller leaves, by its Cancel or with its frame, and the others get the value", "[trap-43]") {
  World world;
  Cancel leader;
  Cancel follower;
  Cancel another;
  {
    Gate connection;
    connection.enter(ask(world, "k", Millis{10}, false, leader));
    connection.enter(ask(world, "k", Millis{10}, false, another));
    world.gate.enter(ask(world, "k", Millis{10}, false, follower));
    leader.cancel();
    REQUIRE(world.results.size() == 1);
    CHECK(world.results[0].error().code == Code::unavailable);
  }
  world.io.run_for(Millis{10});
  CHECK(world.calls == 1);
  REQUIRE(world.results.size() == 2);
  CHECK(world.results[1].has_value());
}

TEST_CASE("a flight goes on when everybody has left") {
  World world;
  Cancel leader;
  world.gate.enter(ask(world, "k", Millis{10}, false, leader));
  leader.cancel();
  CHECK(world.flights.flies("k"));
  Cancel later;
  world.gate.enter(ask(world, "k", Millis{10}, false, later));
  world.io.run_for(Millis{10});
  CHECK(world.calls == 1);
  REQUIRE(world.results.size() == 2);
  CHECK(world.results[1].has_value());
}

TEST_CASE("the number of flights is bounded, joining one is not") {
  World world;
  Cancel never[6];
  for (std::size_t i = 0; i < 5; ++i) {
    world.gate.enter(ask(world, std::to_string(i), Millis{10}, false, never[i]));
  }
  REQUIRE(world.results.size() == 1);
  CHECK(world.results[0].error().code == Code::overloaded);
  world.gate.enter(ask(world, "0", Millis{10}, false, never[5]));
  world.io.run_for(Millis{10});
  CHECK(world.results.size() == 6);
}

Task<void> ask_twice(World& world, Cancel& cancel) {
  for (int i = 0; i < 2; ++i) {
    Flights::Start start = [&world](Cancel& flight) { return read(world, Millis{10}, false, flight); };
    Result<Handle> result = co_await world.flights.join("k", std::move(start), cancel);
    world.results.push_back(std::move(result));
  }
}

TEST_CASE("a waiter may start a new flight for its key while the others are being woken") {
  World world;
  Cancel never[3];
  for (Cancel& cancel : never) {
    world.gate.enter(ask_twice(world, cancel));
  }
  world.io.run_for(Millis{10});
  CHECK(world.results.size() == 3);
  CHECK(world.flights.flies("k"));
  world.io.run_for(Millis{10});
  CHECK(world.results.size() == 6);
  CHECK(world.calls == 2);
}

Task<void> ask_and_send_away(World& world, Cancel& own, Cancel& others, Gate& frames) {
  Flights::Start start = [&world](Cancel& flight) { return read(world, Millis{10}, false, flight); };
  Result<Handle> result = co_await world.flights.join("k", std::move(start), own);
  world.results.push_back(std::move(result));
  others.cancel();
  frames.~Gate();
  new (&frames) Gate();
}

TEST_CASE("a waiter may make others leave while they are being woken", "[trap-43]") {
  World world;
  Gate frames;
  Cancel first;
  Cancel second;
  Cancel third;
  Cancel last;
  world.gate.enter(ask_and_send_away(world, first, second, frames));
  world.gate.enter(ask(world, "k", Millis{10}, false, second));
  frames.enter(ask(world, "k", Millis{10}, false, third));
  world.gate.enter(ask(world, "k", Millis{10}, false, last));
  world.io.run_for(Millis{10});
  REQUIRE(world.results.size() == 3);
  CHECK(world.results[0].has_value());
  CHECK_FALSE(world.results[1].has_value());
  CHECK(world.results[2].has_value());
}

Task<void> ask_many(World& world, int times, Cancel& cancel) {
  for (int i = 0; i < times; ++i) {
    Flights::Start start = [&world](Cancel& flight) { return read(world, Millis{0}, false, flight); };
    Result<Handle> result = co_await world.flights.join("k", std::move(start), cancel);
    CHECK(result.has_value());
  }
}

TEST_CASE("a hundred thousand ready results in a row need no more stack than one") {
  World world;
  Cancel never;
  world.gate.enter(ask_many(world, 100'000, never));
  world.gate.sweep();
  CHECK(world.gate.in_flight() == 0);
  CHECK(world.calls == 100'000);
}

TEST_CASE("the end of a SingleFlight cancels its work, and who waited is not woken") {
  test::SimIo io;
  Cancel never;
  bool woken = false;
  Gate gate;
  {
    auto flights = std::make_unique<SingleFlight<int, int>>(1);
    const auto work = [](test::SimIo& in, Cancel& cancel) -> Task<Result<int>> {
      co_await in.sleep_until(in.now() + Millis{10}, cancel);
      co_return 1;
    };
    const auto wait = [](SingleFlight<int, int>& in, SingleFlight<int, int>::Start start, Cancel& cancel,
                         bool& done) -> Task<void> {
      Result<int> result = co_await in.join(1, std::move(start), cancel);
      done = result.has_value() || !result.has_value();
    };
    gate.enter(wait(*flights, [&](Cancel& cancel) { return work(io, cancel); }, never, woken));
    CHECK(io.sleepers() == 1);
  }
  CHECK(io.sleepers() == 0);
  CHECK_FALSE(woken);
}

}  // namespace
}  // namespace tantalus
