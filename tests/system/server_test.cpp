// SPDX-License-Identifier: Apache-2.0
// The server's real parts over a real socket, around a backend that waits when the test says so.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/request.h"
#include "tests/support/agent_in_process.h"
#include "tests/support/catch.h"
#include "tests/support/wire_client.h"

using namespace std::chrono_literals;
using namespace tantalus;
using tantalus::test::AgentInProcess;
using tantalus::test::resolve_request;
using tantalus::test::WireClient;

namespace {

std::size_t count_lines(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator{}));
}

std::string resolve(WireClient& client, std::uint32_t msgid, std::string_view key,
                    std::optional<Millis> max_age = std::nullopt) {
  client.send(resolve_request(msgid, key, max_age));
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  REQUIRE(reply->head.msgid == msgid);
  return reply->head.error.has_value() ? "!" + reply->code() : reply->value();
}

}  // namespace

TEST_CASE("a value is read once, then answered from the cache", "[server]") {
  AgentInProcess agent;
  agent.backend->set("mine/db-password", "tiger", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "db-password") == "tiger");
  CHECK(resolve(client, 2, "db-password") == "tiger");
  CHECK(agent.backend->fetches() == 1);
  CHECK(resolve(client, 3, "absent") == "!not_found");
  CHECK(resolve(client, 4, "absent") == "!not_found");
  CHECK(agent.backend->fetches() == 2);
  CHECK(count_lines(agent.audit_text(), "\"event\":\"resolve\"") == 4);
}

TEST_CASE("a backend that waits never delays a cached answer, on the same connection or another", "[server]") {
  AgentInProcess agent;
  agent.backend->set("mine/hot", "h", "1");
  agent.backend->set("mine/slow", "s", "1");
  WireClient client(agent.socket(), agent.turner());
  WireClient other(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "hot") == "h");
  agent.backend->set_hold(true);
  client.send(resolve_request(2, "slow"));
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  for (std::uint32_t i = 3; i < 50; ++i) {
    CHECK(resolve(client, i, "hot") == "h");  // Out of order: 2 still waits.
    CHECK(resolve(other, i, "hot") == "h");
  }
  CHECK(agent.backend->under_way() == 1);
  agent.backend->set_hold(false);
  const auto late = client.receive();
  REQUIRE(late.has_value());
  CHECK(late->head.msgid == 2);
  CHECK(late->value() == "s");
}

TEST_CASE("a hundred misses are one read, and the first to ask may leave", "[server][trap-42][trap-43]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  agent.backend->set_hold(true);
  std::vector<std::unique_ptr<WireClient>> clients;
  for (std::uint32_t i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<WireClient>(agent.socket(), agent.turner()));
    clients.back()->send(resolve_request(1, "k"));
  }
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 100; }));
  clients.front()->close();
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 99; }));
  agent.backend->set_hold(false);
  for (std::size_t i = 1; i < clients.size(); ++i) {
    const auto reply = clients[i]->receive();
    REQUIRE(reply.has_value());
    CHECK(reply->value() == "v");
  }
  CHECK(agent.backend->fetches() == 1);
}

TEST_CASE("max_age 0 always reads, and never answers stale", "[server][trap-45][trap-48]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "old", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "k") == "old");
  agent.backend->set("mine/k", "new", "2");
  CHECK(resolve(client, 2, "k") == "old");
  CHECK(resolve(client, 3, "k", 0ms) == "new");
  CHECK(resolve(client, 4, "k") == "new");
  agent.backend->set_failure(Error{Code::unavailable, "down", Millis{0}});
  CHECK(resolve(client, 5, "k", 0ms) == "!unavailable");
  CHECK(resolve(client, 6, "k") == "new");
}

TEST_CASE("stale-if-error ends at its ceiling however often it failed", "[server][trap-46]") {
  AgentInProcess::Options options;
  options.cache.ttl = 50ms;
  options.cache.stale_if_error = 400ms;
  AgentInProcess agent(options);
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "k") == "v");
  agent.backend->set_failure(Error{Code::unavailable, "down", Millis{0}});
  const auto begun = std::chrono::steady_clock::now();
  std::uint32_t msgid = 2;
  bool was_stale = false;
  std::string last;
  while (last != "!unavailable" && std::chrono::steady_clock::now() - begun < 5s) {
    client.send(resolve_request(msgid++, "k"));
    const auto reply = client.receive();
    REQUIRE(reply.has_value());
    last = reply->head.error.has_value() ? "!" + reply->code() : reply->value();
    if (!reply->head.error.has_value()) {
      was_stale = was_stale || response::read_secret(reply->head.result)->stale;
    }
  }
  CHECK(was_stale);
  CHECK(last == "!unavailable");
  CHECK(std::chrono::steady_clock::now() - begun < 4s);
  CHECK(agent.audit_text().find("\"stale\":true") != std::string::npos);
}

TEST_CASE("what the backend refuses is evicted at once", "[server][trap-47]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "k") == "v");
  agent.backend->set_failure(Error{Code::misconfigured, "not granted", Millis{0}});
  CHECK(resolve(client, 2, "k", 0ms) == "!misconfigured");
  CHECK(resolve(client, 3, "k") == "!misconfigured");
}

TEST_CASE("bytes one at a time and all at once are answered alike", "[server][trap-30]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  for (const std::byte byte : resolve_request(7, "k")) {
    client.send({&byte, 1});
    agent.turn();
  }
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  CHECK(reply->value() == "v");
  std::vector<std::byte> many;
  for (std::uint32_t i = 0; i < 500; ++i) {
    const auto one = resolve_request(i, "k");
    many.insert(many.end(), one.begin(), one.end());
  }
  client.send(many);
  for (std::uint32_t i = 0; i < 500; ++i) {
    const auto each = client.receive();
    REQUIRE(each.has_value());
    CHECK(each->head.msgid == i);
    CHECK(each->value() == "v");
  }
}

TEST_CASE("one caller is served a bounded number of references a turn, by however many connections",
          "[server][promise-11]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  std::vector<std::unique_ptr<WireClient>> floods;
  for (int i = 0; i < 3; ++i) {
    floods.push_back(std::make_unique<WireClient>(agent.socket(), agent.turner()));
    CHECK(resolve(*floods.back(), 1, "k") == "v");
  }
  std::map<Connection*, std::uint64_t> before;
  std::uint64_t most = 0;
  agent.after_turn = [&] {
    std::uint64_t served = 0;
    agent.listener->for_each([&](Connection& connection) {
      const std::uint64_t now = connection.facts().requests;
      served += before.contains(&connection) ? now - before[&connection] : 0;
      before[&connection] = now;
    });
    most = std::max(most, served);
  };
  std::vector<std::byte> many;
  for (std::uint32_t i = 0; i < 800; ++i) {
    const auto one = resolve_request(i, "k");
    many.insert(many.end(), one.begin(), one.end());
  }
  for (const auto& flood : floods) {
    flood->send(many);
  }
  for (const auto& flood : floods) {
    for (int i = 0; i < 800; ++i) {
      REQUIRE(flood->receive().has_value());
    }
  }
  // The hook sees the end of one turn together with the begin of the next, which serves who was left waiting.
  CHECK(most <= 2 * Turn::references);
  CHECK(most >= Turn::references);
}

TEST_CASE("who shuts its write side still gets what it asked for", "[server][trap-33]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  agent.backend->set_hold(true);
  WireClient client(agent.socket(), agent.turner());
  client.send(resolve_request(1, "k"));
  client.send(resolve_request(2, "k"));
  client.shut_write();
  REQUIRE(agent.until([&] { return agent.backend->under_way() == 1; }));
  agent.turn();
  agent.backend->set_hold(false);
  for (int i = 0; i < 2; ++i) {
    const auto reply = client.receive();
    REQUIRE(reply.has_value());
    CHECK(reply->value() == "v");
  }
  CHECK(client.is_ended());
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("a broken frame is answered once with msgid 0, never lost to a reset", "[server][trap-28][trap-134]") {
  AgentInProcess agent;
  const std::vector<std::pair<std::string, std::string>> bad{
      {"GET / HTTP/1.1\r\n\r\n", "invalid_request"},
      {std::string("\x16\x03\x01\x02", 4), "invalid_request"},
      {std::string("\x00\x00\x00", 3), "invalid_request"},
      {std::string("\x94\x01\x01\xa4ping\x90", 8), "invalid_request"},
      {std::string("\x94\x00\x01\xdb\xff\xff\xff\xff", 8), "too_large"},
      {std::string("\x94\x00\x01\xa4ping\xdd\xff\xff\xff\xff", 13), "too_large"},
  };
  for (const auto& [bytes, code] : bad) {
    INFO(bytes);
    WireClient client(agent.socket(), agent.turner());
    client.send(bytes + std::string(100'000, 'x'));  // Unread bytes, which a bare close would answer by a reset.
    const auto reply = client.receive();
    REQUIRE(reply.has_value());
    CHECK(reply->head.msgid == 0);
    CHECK(reply->code() == code);
    client.shut_write();
    CHECK(client.is_ended());
    CHECK_FALSE(client.was_reset());
  }
  CHECK(agent.until([&] { return agent.listener->size() == 0; }));
}

TEST_CASE("a request that can't be read keeps its msgid and the connection", "[server][trap-29]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  client.send(
      std::string("\x94\x00\x05\xa7resolve\x91\x82\xa3key\xa1k\xa5sorce\xa4"
                  "file",
                  30));
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  CHECK(reply->head.msgid == 5);
  CHECK(reply->code() == "invalid_request");
  CHECK(std::string(reply->head.error->message).find("sorce") != std::string::npos);
  CHECK(resolve(client, 6, "k") == "v");
}

TEST_CASE("descriptors that a peer passes are never installed", "[server][trap-35]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "k") == "v");
  const std::size_t before = open_descriptors();
  const int passed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto bytes = resolve_request(i, "k");
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(4 * sizeof(int));
    const int fds[4]{passed, passed, passed, passed};
    std::memcpy(CMSG_DATA(part), fds, sizeof fds);
    REQUIRE(::sendmsg(client.fd(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    REQUIRE(client.receive().has_value());
  }
  ::close(passed);
  CHECK(open_descriptors() == before);
}

TEST_CASE("connections come and go without leaving a descriptor", "[server][trap-18]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  std::size_t settled = 0;
  for (int i = 0; i < 3000; ++i) {
    {
      WireClient client(agent.socket(), agent.turner());
      client.send(resolve_request(1, "k"));
      REQUIRE(client.receive().has_value());
    }
    if (i % 1000 == 100) {
      REQUIRE(agent.until([&] { return agent.listener->size() == 0; }));
      if (settled == 0) {
        settled = open_descriptors();
      }
      CHECK(open_descriptors() == settled);
    }
  }
}

TEST_CASE("a peer that doesn't read is paused, then closed, alone", "[server][trap-31][trap-32][trap-142]") {
  AgentInProcess::Options options;
  options.limits.write_timeout = 300ms;
  options.limits.write_queue = 2 * limits::MiB;
  AgentInProcess agent(options);
  const std::string large(limits::MiB - 1, 'L');
  agent.backend->set("mine/large", large, "1");
  agent.backend->set("mine/k", "v", "1");
  WireClient slow(agent.socket(), agent.turner());
  WireClient calm(agent.socket(), agent.turner());
  const int small = 4096;
  ::setsockopt(slow.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (std::uint32_t i = 0; i < 50; ++i) {
    if (!slow.try_send(resolve_request(i, "large"))) {
      break;
    }
  }
  REQUIRE(agent.until([&] {
    bool paused = false;
    agent.listener->for_each([&](Connection& connection) { paused = paused || connection.facts().paused; });
    return paused;
  }));
  std::size_t most = 0;
  agent.listener->for_each([&](Connection& connection) { most = std::max(most, connection.facts().buffered); });
  CHECK(most <= options.limits.write_queue + 2 * limits::MiB);
  CHECK(resolve(calm, 1, "k") == "v");
  CHECK(agent.until([&] { return agent.listener->size() == 1; }));
  CHECK(resolve(calm, 2, "k") == "v");
}

TEST_CASE("a large value comes whole through a small buffer", "[server][trap-32]") {
  AgentInProcess agent;
  std::string large;
  for (std::size_t i = 0; large.size() < limits::MiB; ++i) {
    large += static_cast<char>('a' + i % 26);
  }
  agent.backend->set("mine/large", large, "1");
  WireClient client(agent.socket(), agent.turner());
  const int small = 4096;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  CHECK(resolve(client, 1, "large") == large);
  CHECK(resolve(client, 2, "large") == large);
}

TEST_CASE("half a frame and silence have their deadlines", "[server][trap-39]") {
  AgentInProcess::Options options;
  options.limits.first_frame = 150ms;
  options.limits.frame_timeout = 300ms;
  AgentInProcess agent(options);
  agent.backend->set("mine/k", "v", "1");
  WireClient silent(agent.socket(), agent.turner());
  WireClient stalled(agent.socket(), agent.turner());
  WireClient idle(agent.socket(), agent.turner());
  CHECK(resolve(idle, 1, "k") == "v");
  CHECK(resolve(stalled, 1, "k") == "v");
  const auto half = resolve_request(2, "k");
  stalled.send(std::span(half).first(half.size() - 1));
  CHECK(silent.is_ended(2s));
  CHECK(stalled.is_ended(2s));
  CHECK(resolve(idle, 2, "k") == "v");  // An idle connection is never closed.
}

TEST_CASE("one caller's budget of backend reads is its own", "[server][trap-141][promise-11]") {
  AgentInProcess::Options options;
  options.limits.misses = {1, 5};
  AgentInProcess agent(options);
  WireClient client(agent.socket(), agent.turner());
  std::map<std::string, int> outcomes;
  for (std::uint32_t i = 0; i < 20; ++i) {
    ++outcomes[resolve(client, i, "random-" + std::to_string(i))];
  }
  CHECK(outcomes["!not_found"] >= 5);
  CHECK(outcomes["!not_found"] <= 7);
  CHECK(outcomes["!overloaded"] == 20 - outcomes["!not_found"]);
  CHECK(agent.backend->fetches() == outcomes["!not_found"]);
}

TEST_CASE("connections over the limit are told so, and those that are there go on", "[server][trap-26]") {
  AgentInProcess::Options options;
  options.limits.connections_per_peer = 3;
  AgentInProcess agent(options);
  agent.backend->set("mine/k", "v", "1");
  std::vector<std::unique_ptr<WireClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<WireClient>(agent.socket(), agent.turner()));
    CHECK(resolve(*clients.back(), 1, "k") == "v");
  }
  WireClient over(agent.socket(), agent.turner());
  const auto told = over.receive();
  REQUIRE(told.has_value());
  CHECK(told->code() == "overloaded");
  CHECK(over.is_ended());
  CHECK(resolve(*clients[0], 2, "k") == "v");
  clients.pop_back();
  REQUIRE(agent.until([&] { return agent.listener->size() == 2; }));
  WireClient next(agent.socket(), agent.turner());
  CHECK(resolve(next, 1, "k") == "v");
}

TEST_CASE("a batch answers in order, each reference for itself", "[server]") {
  AgentInProcess agent;
  agent.backend->set("mine/a", "A", "1");
  agent.backend->set("mine/b", "B", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "a") == "A");
  const auto ask = [&](std::uint32_t msgid) {
    std::vector<Reference> references(4);
    references[0].key = "a";
    references[1].key = "b";
    references[2].key = "none";
    references[3].key = "a";
    references[3].scope = Scope::admin;
    ReplyBuffer bytes;
    request::resolve_many(bytes, msgid, references, std::nullopt);
    client.send(bytes);
    const auto reply = client.receive();
    REQUIRE(reply.has_value());
    REQUIRE_FALSE(reply->head.error.has_value());
    const auto items = response::read_batch(reply->head.result);
    REQUIRE(items.has_value());
    REQUIRE(items->size() == 4);
    const auto text = [](const response::SecretView& secret) {
      return std::string(reinterpret_cast<const char*>(secret.value.data()), secret.value.size());
    };
    CHECK(text(*(*items)[0].secret) == "A");
    CHECK(text(*(*items)[1].secret) == "B");
    CHECK((*items)[2].error->code == "not_found");
    CHECK((*items)[3].error->code == "permission_denied");
  };
  ask(2);  // Some wait.
  ask(3);  // All are cached.
  CHECK(count_lines(agent.audit_text(), "\"event\":\"resolve\"") == 9);
}

TEST_CASE("a changed value is told once, a neighbour's or the same bytes never", "[server][trap-136]") {
  AgentInProcess agent;
  agent.backend->set("mine/a", "A", "1");
  WireClient client(agent.socket(), agent.turner());
  std::vector<Reference> references(2);
  references[0].key = "a";
  references[1].key = "later";
  ReplyBuffer bytes;
  request::subscribe(bytes, 1, references);
  client.send(bytes);
  const auto told = client.receive();
  REQUIRE(told.has_value());
  const auto items = response::read_subscriptions(told->head.result);
  REQUIRE(items.has_value());
  CHECK((*items)[0].version == std::optional<std::string_view>("1"));
  CHECK_FALSE((*items)[1].version.has_value());

  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "a");  // Another version, the same bytes.
  CHECK_FALSE(client.receive(50ms).has_value());
  agent.backend->set("mine/a", "B", "2");
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "neighbour");
  CHECK_FALSE(client.receive(50ms).has_value());
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "a");
  const auto changed = client.receive();
  REQUIRE(changed.has_value());
  CHECK(changed->head.is_notification);
  CHECK(response::read_change(changed->head.result)->version == std::optional<std::string_view>("2"));
  CHECK(resolve(client, 2, "a") == "B");
  agent.backend->set("mine/later", "L", "1");
  agent.resolver->on_value_changed(Source::file, IntegrationId::none, "mine", "later");
  const auto appeared = client.receive();
  REQUIRE(appeared.has_value());
  CHECK(response::read_change(appeared->head.result)->key == "later");
}

TEST_CASE("an answer that waited is authorised again before it is sent", "[server][trap-124][trap-139]") {
  AgentInProcess agent;
  agent.backend->set("mine/k", "v", "1");
  agent.backend->set("mine/hot", "h", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 9, "hot") == "h");
  agent.backend->set_hold(true);
  client.send(resolve_request(1, "k"));
  std::vector<Reference> references(2);
  references[0].key = "hot";  // Cached, but answered together with what waits.
  references[1].key = "k";
  ReplyBuffer batch;
  request::resolve_many(batch, 2, references, std::nullopt);
  client.send(batch);
  REQUIRE(agent.until([&] { return agent.quota->waiting() == 2; }));
  IdentityConfig none;
  none.attestors = {AttestorKind::user};
  auto rules = Rules::compile(none, "iomete-secret-store", agent.domains, false);
  REQUIRE(rules.has_value());
  agent.attestation->set_rules(std::move(*rules));
  agent.listener->for_each([](Connection& connection) { connection.attribute_anew(); });
  agent.backend->set_hold(false);
  const auto reply = client.receive();
  REQUIRE(reply.has_value());
  CHECK(reply->code() == "permission_denied");
  const auto both = client.receive();
  REQUIRE(both.has_value());
  const auto items = response::read_batch(both->head.result);
  REQUIRE(items.has_value());
  for (const response::BatchItem& item : *items) {
    REQUIRE(item.error.has_value());
    CHECK(item.error->code == "permission_denied");
  }
  CHECK(client.is_ended());
}

TEST_CASE("without its line no answer leaves", "[server][promise-9]") {
  AgentInProcess::Options options;
  options.audit.path = "/dev/full";
  options.audit.on_failure = AuditFailure::allow;  // It can be opened, and never written.
  AgentInProcess agent(options);
  options.audit.on_failure = AuditFailure::deny;
  REQUIRE(agent.audit->reconfigure(options.audit).has_value());
  agent.backend->set("mine/k", "v", "1");
  WireClient client(agent.socket(), agent.turner());
  CHECK(resolve(client, 1, "k") == "!unavailable");
  CHECK(resolve(client, 2, "k") == "!unavailable");
  ReplyBuffer ping;
  request::ping(ping, 3);
  client.send(ping);
  const auto pong = client.receive();
  REQUIRE(pong.has_value());
  CHECK(response::read_text(pong->head.result).value() == "pong");
}
