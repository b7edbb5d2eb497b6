// SPDX-License-Identifier: Apache-2.0
// What changes while somebody waits: values, rights, room. The server's real parts over a real socket.
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "protocol/request.h"
#include "tests/support/agent_in_process.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/wire_client.h"

using namespace std::chrono_literals;
using namespace tantalus;
using namespace tantalus::test;

namespace {

std::vector<Reference> references_of(const std::vector<std::string>& keys) {
  std::vector<Reference> references(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    references[i].key = keys[i];
  }
  return references;
}

ReplyBuffer subscribe_request(std::uint32_t msgid, const std::vector<std::string>& keys) {
  ReplyBuffer bytes;
  request::subscribe(bytes, msgid, references_of(keys));
  return bytes;
}

ReplyBuffer batch_request(std::uint32_t msgid, const std::vector<std::string>& keys) {
  ReplyBuffer bytes;
  request::resolve_many(bytes, msgid, references_of(keys), std::nullopt);
  return bytes;
}

ReplyBuffer list_request(std::uint32_t msgid) {
  ReplyBuffer bytes;
  request::list(bytes, msgid, std::nullopt, std::nullopt);
  return bytes;
}

std::string code_or_value(WireClient& client) {
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  return reply->head.error.has_value() ? "!" + reply->code() : reply->value();
}

/// From here on the test's uid has no domain.
void take_the_domain(AgentInProcess& agent) {
  IdentityConfig none;
  none.attestors = {AttestorKind::user};
  auto rules = Rules::compile(none, "iomete-secret-store", agent.domains, false);
  REQUIRE(rules.has_value());
  agent.attestation->set_rules(std::move(*rules));
  agent.listener->for_each([](Connection& connection) { connection.attribute_anew(); });
}

}  // namespace

TEST_CASE("who asks after a change never gets what a read brings that began before it", "[server][trap-136]") {
  AgentInProcess agent;
  agent.backend->set_reads_first(true);
  agent.backend->set("mine/k", "old", "1");
  WireClient before(agent.socket(), agent.turner());
  WireClient after(agent.socket(), agent.turner());
  agent.backend->set_hold(true);
  before.send(resolve_request(1, "k"));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  agent.backend->set("mine/k", "new", "2");
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "k");
  after.send(resolve_request(1, "k"));
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 2; }));
  CHECK(agent.backend->under_way() == 1);
  agent.backend->set_hold(false);
  CHECK(code_or_value(before) == "old");
  CHECK(code_or_value(after) == "new");
  after.send(resolve_request(2, "k"));
  CHECK(code_or_value(after) == "new");
}

TEST_CASE("a max_age is kept by who shares a read, too", "[server][trap-45]") {
  AgentInProcess agent;
  agent.backend->set_reads_first(true);
  agent.backend->set("mine/k", "old", "1");
  WireClient first(agent.socket(), agent.turner());
  WireClient strict(agent.socket(), agent.turner());
  WireClient easy(agent.socket(), agent.turner());
  agent.backend->set_hold(true);
  first.send(resolve_request(1, "k"));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  agent.backend->set("mine/k", "new", "2");
  const auto begun = agent.loop.now();
  REQUIRE(agent.until([&] { return agent.loop.now() - begun > 20ms; }));
  strict.send(resolve_request(1, "k", 10ms));
  easy.send(resolve_request(1, "k", 60s));
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 3; }));
  agent.backend->set_hold(false);
  CHECK(code_or_value(first) == "old");
  CHECK(code_or_value(easy) == "old");
  CHECK(code_or_value(strict) == "new");
}

TEST_CASE("all of a batch is authorised again, what was cached too", "[server][trap-124][trap-139]") {
  AgentInProcess agent;
  agent.backend->set("mine/cached", "c", "1");
  agent.backend->set("mine/slow", "s", "1");
  WireClient client(agent.socket(), agent.turner());
  client.send(resolve_request(1, "cached"));
  CHECK(code_or_value(client) == "c");
  agent.backend->set_hold(true);
  client.send(batch_request(2, {"cached", "slow"}));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  take_the_domain(agent);
  agent.backend->set_hold(false);
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  const auto items = response::read_batch(reply->head.result);
  REQUIRE(items.has_value());
  REQUIRE(items->size() == 2);
  CHECK((*items)[0].error->code == "permission_denied");
  CHECK((*items)[1].error->code == "permission_denied");
  CHECK(client.is_ended());
}

TEST_CASE("a list that waited is authorised again", "[server][trap-124][trap-139]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  agent.backend->set_hold(true);
  WireClient client(agent.socket(), agent.turner());
  client.send(list_request(1));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  CHECK_FALSE(agent.resolver->is_idle());
  take_the_domain(agent);
  agent.backend->set_hold(false);
  CHECK(code_or_value(client) == "!permission_denied");
  CHECK(agent.resolver->is_idle());
}

TEST_CASE("a list without a filter names the admin store to the admin's own process alone", "[server][trap-20]") {
  AgentInProcess::Options options;
  options.admin = true;
  AgentInProcess agent(options);
  agent.backend->set("mine/own", "v", "1");
  agent.backend->set("admin/master", "v", "1");
  const auto keys = [](WireClient& client) {
    const auto reply = client.receive();
    REQUIRE(reply.has_value());
    const auto items = response::read_catalog(reply->head.result);
    REQUIRE(items.has_value());
    std::string all;
    for (const auto& item : *items) {
      all += std::string(item.key) + " ";
    }
    return all;
  };
  WireClient client(agent.socket(), agent.turner());
  client.send(list_request(1));
  CHECK(keys(client) == "own master ");
  WireClient passed_on(agent.socket(), agent.turner());
  const Ended sent = in_child([&](int) {
    const ReplyBuffer bytes = list_request(1);
    return ::send(passed_on.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0 ? 0 : 1;
  });
  REQUIRE(sent.exited_with(0));
  CHECK(keys(passed_on) == "own ");
}

TEST_CASE("a connection's subscriptions are bounded, also by calls that wait", "[server][promise-11]") {
  AgentInProcess::Options options;
  options.limits.max_batch = 4;
  AgentInProcess agent(options);
  agent.backend->set_hold(true);
  WireClient client(agent.socket(), agent.turner());
  client.send(subscribe_request(1, {"a", "b", "c"}));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 3; }));
  client.send(subscribe_request(2, {"d", "e"}));
  CHECK(code_or_value(client) == "!too_large");
  agent.backend->set_hold(false);
  REQUIRE(client.receive().has_value());
  CHECK(agent.subscriptions->size() == 3);
  // Those that fail are given back.
  agent.backend->set_failure(Error{Code::misconfigured, "not granted", Millis{0}});
  client.send(subscribe_request(3, {"x"}));
  REQUIRE(client.receive().has_value());
  agent.backend->set_failure(std::nullopt);
  client.send(subscribe_request(4, {"d"}));
  const auto fourth = client.receive();
  REQUIRE(fourth.has_value());
  CHECK(fourth->code() == "ok");
  CHECK(agent.subscriptions->size() == 4);
  // All of them once more are not more of them.
  client.send(subscribe_request(5, {"a", "b", "c", "d"}));
  const auto fifth = client.receive();
  REQUIRE(fifth.has_value());
  CHECK(fifth->code() == "ok");
  client.send(subscribe_request(6, {"e"}));
  CHECK(code_or_value(client) == "!too_large");
  client.close();
  CHECK(agent.until([&] { return agent.subscriptions->size() == 0; }));
}

TEST_CASE("a change that comes while a subscription's batch waits is not told twice, nor lost", "[server][trap-136]") {
  AgentInProcess agent;
  agent.backend->set("mine/a", "A", "1");
  agent.backend->set("mine/slow", "S", "1");
  WireClient client(agent.socket(), agent.turner());
  client.send(resolve_request(1, "a"));
  CHECK(code_or_value(client) == "A");
  agent.backend->set_hold(true);
  client.send(subscribe_request(2, {"a", "slow"}));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  agent.backend->set("mine/a", "B", "2");
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "a");
  agent.backend->set_hold(false);
  std::string last;
  int notifications = 0;
  bool answered = false;
  while (const auto reply = client.receive(answered ? 50ms : 10s)) {
    if (reply->head.is_notification) {
      ++notifications;
      last = response::read_change(reply->head.result)->version.value_or("");
    } else {
      answered = true;
      last = response::read_subscriptions(reply->head.result)->front().version.value_or("");
    }
  }
  CHECK(answered);
  CHECK(last == "2");
  CHECK(notifications <= 1);
}

TEST_CASE("a change while the first subscriber's value is on its way is told", "[server]") {
  AgentInProcess agent;
  agent.backend->set_reads_first(true);
  agent.backend->set("mine/a", "A", "1");
  agent.backend->set_hold(true);
  WireClient client(agent.socket(), agent.turner());
  client.send(subscribe_request(1, {"a"}));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  agent.backend->set("mine/a", "B", "2");
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "a");
  agent.backend->set_hold(false);
  std::string last;
  CHECK(agent.until([&] {
    while (const auto reply = client.receive(0ms)) {
      last = reply->head.is_notification
                 ? response::read_change(reply->head.result)->version.value_or("")
                 : response::read_subscriptions(reply->head.result)->front().version.value_or("");
    }
    return last == "2";
  }));
}

TEST_CASE("a subscriber that doesn't read is closed at once when too much waits for it", "[server][trap-31]") {
  AgentInProcess::Options options;
  options.limits.write_queue = 16 * limits::KiB;
  AgentInProcess agent(options);
  const int small = 4096;
  WireClient slow(agent.socket(), agent.turner());
  WireClient calm(agent.socket(), agent.turner());
  ::setsockopt(slow.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (WireClient* client : {&slow, &calm}) {
    client->send(subscribe_request(1, {"a"}));
    REQUIRE(client->receive().has_value());
  }
  int told = 0;
  const auto begun = agent.loop.now();
  while (agent.listener->size() == 2 && told < 20'000) {
    ++told;
    agent.backend->set("mine/a", std::to_string(told), std::to_string(told));
    agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "a");
    if (told % 50 == 0) {
      agent.turn();
      while (calm.receive(0ms).has_value()) {
      }
    }
  }
  CHECK(agent.listener->size() == 1);
  CHECK(agent.loop.now() - begun < options.limits.write_timeout);
  calm.send(resolve_request(2, "a"));
  CHECK(agent.until([&] {
    const auto reply = calm.receive();
    return !reply.has_value() || reply->head.msgid == 2;
  }));
}

TEST_CASE("what waits counts for its caller's domain, in the global store too", "[server][promise-11]") {
  AgentInProcess::Options options;
  options.limits.inflight_per_domain = 2;
  AgentInProcess agent(options);
  agent.backend->set_hold(true);
  const auto ask = [&](WireClient& client, std::uint32_t msgid) {
    client.send(resolve_request(msgid, "k" + std::to_string(msgid), std::nullopt, Scope::global));
  };
  WireClient greedy(agent.socket(), agent.turner());
  ask(greedy, 1);
  ask(greedy, 2);
  ask(greedy, 3);
  CHECK(code_or_value(greedy) == "!overloaded");
  // The next one is of another domain.
  IdentityConfig identity;
  identity.attestors = {AttestorKind::user};
  RuleConfig rule;
  rule.user = std::to_string(::getuid());
  rule.domain = "other";
  identity.domains.push_back(rule);
  auto rules = Rules::compile(identity, "iomete-secret-store", agent.domains, false);
  REQUIRE(rules.has_value());
  agent.attestation->set_rules(std::move(*rules));
  WireClient other(agent.socket(), agent.turner());
  ask(other, 4);
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 3; }));
  agent.backend->set_hold(false);
  CHECK(code_or_value(other) == "!not_found");
  CHECK(agent.until([&] { return agent.quota->waiting() == 0; }));
}

TEST_CASE("a change that can't be read yet is told once it can", "[server]") {
  AgentInProcess agent;
  agent.backend->set("mine/a", "A", "1");
  WireClient client(agent.socket(), agent.turner());
  client.send(subscribe_request(1, {"a"}));
  REQUIRE(client.receive().has_value());
  agent.backend->set("mine/a", "B", "2");
  agent.backend->set_failure(Error{Code::unavailable, "down", Millis{0}});
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "a");
  CHECK_FALSE(client.receive(50ms).has_value());
  agent.backend->set_failure(std::nullopt);
  const auto changed = client.receive();
  REQUIRE(changed.has_value());
  CHECK(response::read_change(changed->head.result)->version == std::optional<std::string_view>("2"));
}

TEST_CASE("who shares a read that is under way is charged for none", "[server][trap-141]") {
  AgentInProcess::Options options;
  options.limits.misses = {1, 5};
  AgentInProcess agent(options);
  agent.backend->set("mine/k", "v", "1");
  agent.backend->set_hold(true);
  WireClient client(agent.socket(), agent.turner());
  for (std::uint32_t i = 0; i < 50; ++i) {
    client.send(resolve_request(i, "k"));
  }
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 50; }));
  agent.backend->set_hold(false);
  for (int i = 0; i < 50; ++i) {
    CHECK(code_or_value(client) == "v");
  }
  CHECK(agent.backend->fetches() == 1);
}

TEST_CASE("reading an old value again takes none of its batch away", "[server]") {
  AgentInProcess::Options options;
  options.cache.memory = 256 * limits::KiB;
  options.cache.per_domain_percent = 100;
  options.cache.refresh_ahead_percent = 0;
  AgentInProcess agent(options);
  const std::vector<std::string> keys{"a", "b", "c", "d"};
  WireClient client(agent.socket(), agent.turner());
  for (const std::string& key : keys) {
    agent.backend->set("mine/" + key, std::string(40'000, key.front()), "1");
    client.send(resolve_request(1, key));
    CHECK(code_or_value(client).size() == 40'000);
  }
  const int before = agent.backend->fetches();
  client.send(batch_request(2, keys));
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  const auto items = response::read_batch(reply->head.result);
  REQUIRE(items.has_value());
  for (const auto& item : *items) {
    CHECK(item.secret.has_value());
  }
  CHECK(agent.backend->fetches() > before);
}

TEST_CASE("a refresh that fails is not tried again by every hit", "[server][trap-141]") {
  AgentInProcess::Options options;
  options.cache.refresh_ahead_percent = 0;
  AgentInProcess agent(options);
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  client.send(resolve_request(1, "k"));
  CHECK(code_or_value(client) == "v");
  agent.backend->set_failure(Error{Code::unavailable, "down", Millis{0}});
  const int before = agent.backend->fetches();
  for (std::uint32_t i = 0; i < 100; ++i) {
    client.send(resolve_request(i, "k"));
    CHECK(code_or_value(client) == "v");
  }
  CHECK(agent.backend->fetches() <= before + 2);
  agent.backend->set_failure(std::nullopt);
  agent.backend->set("mine/k", "w", "2");
  CHECK(agent.until([&] {
    client.send(resolve_request(1, "k"));
    return code_or_value(client) == "w";
  }));
}
