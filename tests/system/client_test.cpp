// SPDX-License-Identifier: Apache-2.0
// The C library, and the C++ header over it, against the real agent.
#include <poll.h>

#include <string>
#include <tantalus/tantalus.hpp>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/system/opaque_agent.h"

namespace {

using tantalus::Client;
using tantalus::Milliseconds;

Client make_client(const OpaqueAgent& agent) {
  Client client;
  client.set_socket(agent.socket()).value();
  return client;
}

}  // namespace

TEST_CASE("a client outlives restarts of the agent without a word", "[client-system]") {
  OpaqueAgent agent;
  agent.store("first");
  REQUIRE(agent.start());
  Client client = make_client(agent);
  CHECK(client.resolve("password").value().text() == "first");
  for (int i = 0; i < 3; ++i) {
    REQUIRE(agent.stop());
    REQUIRE(agent.start());
    CHECK(client.resolve("password").value().text() == "first");
  }
  REQUIRE(agent.stop());
  const auto gone = client.resolve("password");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().status() == TANTALUS_NO_AGENT);
  CHECK(gone.error().is_retryable());
  REQUIRE(agent.start());
  CHECK(client.resolve("password").value().text() == "first");
}

TEST_CASE("results tell or throw, as their caller likes", "[client-system]") {
  OpaqueAgent agent;
  agent.store("value");
  REQUIRE(agent.start());
  Client client = make_client(agent);
  const auto missing = client.resolve("missing");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().status() == TANTALUS_NOT_FOUND);
  CHECK_THROWS_AS(client.resolve("missing").value(), tantalus::Error);
  CHECK_FALSE(client.resolve("tantalus:///missing?optional=true")->has_value());

  const std::vector<std::string> references{"password", "missing", "tantalus://nowhere/x", "other"};
  tantalus::Reply reply = client.resolve_many(references).value();
  REQUIRE(reply.rows() == 4);
  CHECK(reply.take_secret(0)->text() == "value");
  CHECK(reply.take_secret(1).error().status() == TANTALUS_NOT_FOUND);
  CHECK(reply.take_secret(2).error().status() == TANTALUS_INVALID_REQUEST);
  CHECK(reply.take_secret(3)->bytes().size() == 9);

  const tantalus::Reply who = client.whoami().value();
  CHECK(who.text(0, "domain") == "ops");
  CHECK(who.kind(0, "admin") == TANTALUS_BOOLEAN);
  CHECK_FALSE(who.boolean(0, "admin"));
  const tantalus::Reply hello = client.hello().value();
  CHECK(hello.integer(0, "protocol") == 1);
  CHECK(hello.integer(0, "limits.max_batch") == TANTALUS_MAX_BATCH);
  CHECK(client.explain("password").value().text(0, "decision") == "allow");
  CHECK(client.list("domain").value().rows() == 2);
  client.ping().value();
  CHECK(client.memory_is_locked());
}

TEST_CASE("a thousand calls are under way at once, and each gets its own answer", "[client-system]") {
  OpaqueAgent agent;
  agent.store("value");
  REQUIRE(agent.start());
  Client client = make_client(agent);
  constexpr std::size_t count = 1000;
  std::vector<std::uint32_t> calls(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string reference = i % 2 == 0 ? "password" : "other";
    REQUIRE(tantalus_start_resolve(client.get(), reference.c_str(), TANTALUS_ANY_AGE, &calls[i], nullptr) ==
            TANTALUS_OK);
  }
  std::size_t done = 0;
  while (done < count) {
    pollfd descriptor{tantalus_fd(client.get()), tantalus_events(client.get()), 0};
    REQUIRE(poll(&descriptor, 1, 10'000) == 1);
    tantalus_process(client.get());
    for (std::size_t i = 0; i < count; ++i) {
      tantalus_secret* secret = nullptr;
      if (calls[i] == 0) {
        continue;
      }
      const tantalus_status status = tantalus_take_secret(client.get(), calls[i], &secret, nullptr);
      if (status == TANTALUS_PENDING) {
        continue;
      }
      REQUIRE(status == TANTALUS_OK);
      REQUIRE(tantalus::Secret(secret).text() == (i % 2 == 0 ? "value" : "unchanged"));
      calls[i] = 0;
      ++done;
    }
  }
}

TEST_CASE("a subscriber hears of what changes and of nothing else", "[client-system][trap-136][trap-130]") {
  OpaqueAgent agent;
  agent.store("first");
  REQUIRE(agent.start());
  Client client = make_client(agent);
  const std::vector<std::string> references{"password", "other", "later"};
  const tantalus::Reply state = client.subscribe(references).value();
  CHECK(state.text(0, "version").has_value());
  CHECK_FALSE(state.text(2, "version").has_value());
  agent.store("second");
  const tantalus::Reply change = client.next_change(Milliseconds(20'000)).value();
  CHECK(change.text(0, "key") == "password");
  CHECK(change.text(0, "version") != state.text(0, "version"));
  CHECK(client.next_change(Milliseconds(100)).error().status() == TANTALUS_TIMED_OUT);
  // Over a restart: nothing for what is the same, and what changed while nobody listened.
  REQUIRE(agent.stop());
  agent.store("third");
  REQUIRE(agent.start());
  CHECK(client.next_change(Milliseconds(20'000)).value().text(0, "key") == "password");
  CHECK(client.resolve("password").value().text() == "third");
}

TEST_CASE("each thread has a client of its own", "[client-system]") {
  OpaqueAgent agent;
  agent.store("value");
  REQUIRE(agent.start());
  std::vector<std::thread> threads;
  std::vector<int> right(8);
  for (int& count : right) {
    threads.emplace_back([&agent, &count] {
      Client client = make_client(agent);
      for (int i = 0; i < 200; ++i) {
        const auto secret = client.resolve("password");
        count += secret && secret->text() == "value" ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(right == std::vector<int>(8, 200));
}
