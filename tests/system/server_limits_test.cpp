// SPDX-License-Identifier: Apache-2.0
// Floods and endings. The server's real parts over a real socket.
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "protocol/request.h"
#include "tests/support/agent_in_process.h"
#include "tests/support/catch.h"
#include "tests/support/wire_client.h"

using namespace std::chrono_literals;
using namespace tantalus;
using namespace tantalus::test;

TEST_CASE("a flood of connections is accepted bit by bit, and who is there is served meanwhile", "[server][trap-24]") {
  constexpr std::size_t flood = 300;
  constexpr std::uint64_t most_a_turn = 32;
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  WireClient calm(agent.socket(), agent.turner());
  calm.send(resolve_request(1, "k"));
  REQUIRE(calm.receive().has_value());
  std::uint64_t before = agent.listener->counters().accepted;
  std::uint64_t most = 0;
  std::uint64_t turns_with_accepts = 0;
  agent.after_turn = [&] {
    const std::uint64_t now = agent.listener->counters().accepted;
    most = std::max(most, now - before);
    turns_with_accepts += now != before ? 1 : 0;
    before = now;
  };
  std::vector<std::unique_ptr<WireClient>> clients;
  for (std::size_t i = 0; i < flood; ++i) {
    clients.push_back(std::make_unique<WireClient>(agent.socket()));  // The agent stands still meanwhile.
  }
  calm.send(resolve_request(2, "k"));
  std::uint64_t accepted_when_served = 0;
  agent.loop.set_before_sleep([&, finish = agent.after_turn] {
    agent.turns->finish();
    finish();
    std::byte first{};
    if (accepted_when_served == 0 && ::recv(calm.fd(), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
      accepted_when_served = agent.listener->counters().accepted;
    }
  });
  REQUIRE(agent.until([&] { return agent.listener->size() == flood + 1; }));
  CHECK(accepted_when_served > 0);
  CHECK(accepted_when_served <= most_a_turn);
  CHECK(most == most_a_turn);
  CHECK(turns_with_accepts >= flood / most_a_turn);
  const auto reply = calm.receive();
  REQUIRE(reply.has_value());
  CHECK(reply->value() == "v");
}

TEST_CASE("all who have no identity share one budget, and each identity has its own", "[server][trap-38]") {
  LimitsConfig limits;
  limits.misses = {1, 5};
  Quota quota(limits);
  const Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 5; ++i) {
    CHECK(quota.take_miss(PrincipalId::unattested, now) == 0ms);
  }
  CHECK(quota.take_miss(PrincipalId::unattested, now) > 0ms);
  CHECK(quota.take_miss(PrincipalId{7}, now) == 0ms);
  CHECK(quota.take_miss(PrincipalId::unattested, now + 1s) == 0ms);
  CHECK(quota.take_miss(PrincipalId::unattested, now + 1s) > 0ms);
}

TEST_CASE("stopping answers what is pending and asks no backend for anything more", "[server][trap-114][trap-112]") {
  AgentInProcess::Options options;
  options.cache.refresh_ahead_percent = 0;  // Every hit wants a refresh.
  AgentInProcess agent(options);
  for (const char* const key : {"hot", "slow", "told"}) {
    agent.backend->set(std::string("mine/") + key, key, "1");
  }
  WireClient waiting(agent.socket(), agent.turner());
  WireClient subscriber(agent.socket(), agent.turner());
  Reference told;
  told.key = "told";
  ReplyBuffer subscribe;
  request::subscribe(subscribe, 1, {&told, 1});
  subscriber.send(subscribe);
  REQUIRE(subscriber.receive().has_value());
  waiting.send(resolve_request(1, "hot"));
  REQUIRE(waiting.receive().has_value());
  agent.backend->set_hold(true);
  waiting.send(resolve_request(2, "slow"));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));

  agent.listener->drain();
  const int fetches = agent.backend->fetches();
  waiting.send(resolve_request(3, "hot"));
  waiting.send(resolve_request(4, "hot", 0ms));
  agent.backend->set("mine/told", "changed", "2");
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "told");
  for (int i = 0; i < 10; ++i) {
    agent.turn();
  }
  agent.backend->set_hold(false);
  const auto reply = waiting.receive();
  REQUIRE(reply.has_value());
  CHECK(reply->head.msgid == 2);
  CHECK(reply->value() == "slow");
  CHECK_FALSE(waiting.receive(200ms).has_value());
  CHECK(subscriber.is_ended());
  subscriber.close();
  waiting.close();
  CHECK(agent.until([&] { return agent.listener->size() == 0; }));
  CHECK(agent.backend->fetches() == fetches);
  CHECK(agent.quota->waiting() == 0);
}

TEST_CASE("an agent that ends in the middle of everything leaves nothing of it", "[server][trap-112]") {
  AgentInProcess::Options options;
  options.cache.refresh_ahead_percent = 0;
  auto agent = std::make_unique<AgentInProcess>(options);
  for (const char* const key : {"hot", "told"}) {
    agent->backend->set(std::string("mine/") + key, key, "1");
  }
  std::vector<std::unique_ptr<WireClient>> clients;
  const auto connect = [&]() -> WireClient& {
    clients.push_back(std::make_unique<WireClient>(agent->socket(), agent->turner()));
    return *clients.back();
  };
  std::vector<Reference> references(2);
  references[0].key = "told";
  references[1].key = "absent";
  ReplyBuffer subscribe;
  request::subscribe(subscribe, 1, references);
  WireClient& subscriber = connect();
  subscriber.send(subscribe);
  REQUIRE(subscriber.receive().has_value());
  WireClient& refresher = connect();
  refresher.send(resolve_request(1, "hot"));
  REQUIRE(refresher.receive().has_value());
  // A comparison and a refresh that pause after a failure.
  agent->backend->set_failure(Error{Code::unavailable, "down", Millis{0}});
  agent->resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "told");
  refresher.send(resolve_request(2, "hot"));
  REQUIRE(refresher.receive().has_value());
  agent->backend->set_failure(std::nullopt);
  agent->backend->set_hold(true);
  // Reads that are waited for, by more than one, by force, in a batch, by a list, by a subscription.
  ReplyBuffer bytes;
  request::list(bytes, 1, std::nullopt, std::nullopt);
  request::resolve_many(bytes, 2, references, Millis{0});
  request::subscribe(bytes, 3, {references.data() + 1, 1});
  for (int i = 0; i < 3; ++i) {
    WireClient& waiting = connect();
    waiting.send(resolve_request(4, "slow"));
    waiting.send(resolve_request(5, "slow", 0ms));
    waiting.send(bytes);
  }
  REQUIRE(agent->until([&] { return agent->backend->under_way() >= 4 && agent->quota->waiting() >= 9; }));
  clients.back()->close();
  agent->turn();
  agent.reset();  // What it leaves, or uses too late, the sanitizers tell.
  CHECK(clients.front()->is_ended());
}
