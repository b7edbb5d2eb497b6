// SPDX-License-Identifier: Apache-2.0
// The C functions against an agent that misbehaves as told.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "client/include/tantalus/tantalus.h"
#include "tests/support/catch.h"
#include "tests/unit/client/scripted_agent.h"

namespace {

using tantalus::Code;
using Peer = ScriptedAgent::Peer;
using Client = std::unique_ptr<tantalus_client, decltype(&tantalus_client_free)>;
using Secret = std::unique_ptr<tantalus_secret, decltype(&tantalus_secret_free)>;
using Reply = std::unique_ptr<tantalus_reply, decltype(&tantalus_reply_free)>;

Client make_client(const std::string& path) {
  Client client(tantalus_client_new(), tantalus_client_free);
  REQUIRE(tantalus_client_set_socket(client.get(), path.c_str(), nullptr) == TANTALUS_OK);
  tantalus_client_set_timeout(client.get(), 5000);
  return client;
}

struct Resolved {
  tantalus_status status;
  Secret secret;
  tantalus_error error;
};

Resolved resolve(const Client& client, const char* reference) {
  tantalus_secret* secret = nullptr;
  tantalus_error error{};
  const tantalus_status status = tantalus_resolve(client.get(), reference, TANTALUS_ANY_AGE, &secret, &error);
  return {status, Secret(secret, tantalus_secret_free), error};
}

std::string text(const Secret& secret) {
  return {reinterpret_cast<const char*>(tantalus_secret_data(secret.get())), tantalus_secret_size(secret.get())};
}

void answer(Peer& peer, std::string_view value) {
  const auto request = peer.request();
  if (request) {
    peer.send(secret_reply(number_of(*request), "db-password", value));
  }
}

}  // namespace

TEST_CASE("a value comes back with all that is said of it, and a NUL behind it", "[client]") {
  ScriptedAgent agent({[](Peer& peer) { answer(peer, "hunter2"); }});
  const Client client = make_client(agent.path());
  const Resolved result = resolve(client, "db-password");
  REQUIRE(result.status == TANTALUS_OK);
  CHECK(text(result.secret) == "hunter2");
  CHECK(tantalus_secret_data(result.secret.get())[7] == 0);
  CHECK(std::string(tantalus_secret_key(result.secret.get())) == "db-password");
  CHECK(std::string(tantalus_secret_source(result.secret.get())) == "file");
  CHECK(std::string(tantalus_secret_scope(result.secret.get())) == "domain");
  CHECK(std::string(tantalus_secret_version(result.secret.get())) == "1725148800000000000-4711");
  CHECK(tantalus_secret_id(result.secret.get()) == nullptr);
  CHECK(tantalus_secret_updated_at(result.secret.get()) == -1);
}

TEST_CASE("msgids start at 1 and grow with each call", "[client]") {
  std::vector<std::uint32_t> numbers;
  ScriptedAgent agent({[&](Peer& peer) {
    for (int i = 0; i < 3; ++i) {
      const auto request = peer.request();
      numbers.push_back(number_of(*request));
      peer.send(pong(numbers.back()));
    }
  }});
  const Client client = make_client(agent.path());
  for (int i = 0; i < 3; ++i) {
    REQUIRE(tantalus_ping(client.get(), nullptr) == TANTALUS_OK);
  }
  CHECK(numbers == std::vector<std::uint32_t>{1, 2, 3});
}

TEST_CASE("a reply that comes byte by byte is the same reply", "[client][trap-30]") {
  ScriptedAgent agent({[](Peer& peer) {
    const auto request = peer.request();
    peer.drip(secret_reply(number_of(*request), "k", std::string(3000, 'x')));
  }});
  const Client client = make_client(agent.path());
  const Resolved result = resolve(client, "k");
  REQUIRE(result.status == TANTALUS_OK);
  CHECK(text(result.secret) == std::string(3000, 'x'));
}

TEST_CASE("a value of 1 MiB and an empty one come whole", "[client]") {
  const std::string large(1024 * 1024, 'L');
  ScriptedAgent agent({[&](Peer& peer) {
    answer(peer, large);
    answer(peer, "");
    answer(peer, large);
  }});
  const Client client = make_client(agent.path());
  CHECK(text(resolve(client, "k").secret) == large);
  const Resolved empty = resolve(client, "k");
  REQUIRE(empty.status == TANTALUS_OK);
  CHECK(tantalus_secret_size(empty.secret.get()) == 0);
  CHECK(text(resolve(client, "k").secret) == large);
}

TEST_CASE("a connection that ended while idle is made again, silently", "[client]") {
  ScriptedAgent agent({[](Peer& peer) { answer(peer, "one"); }, [](Peer& peer) { answer(peer, "two"); }});
  const Client client = make_client(agent.path());
  CHECK(text(resolve(client, "k").secret) == "one");
  CHECK(text(resolve(client, "k").secret) == "two");
  CHECK(agent.connections() == 2);
}

TEST_CASE("a connection that ends with no byte of the reply is made again, once", "[client]") {
  const auto close_after_request = [](Peer& peer) { static_cast<void>(peer.request()); };
  SECTION("the second answers") {
    ScriptedAgent agent({close_after_request, [](Peer& peer) { answer(peer, "late"); }});
    const Client client = make_client(agent.path());
    CHECK(text(resolve(client, "k").secret) == "late");
  }
  SECTION("the second ends too") {
    ScriptedAgent agent({close_after_request, close_after_request, [](Peer& peer) { answer(peer, "too late"); }});
    const Client client = make_client(agent.path());
    CHECK(resolve(client, "k").status == TANTALUS_NO_AGENT);
    CHECK(agent.connections() == 2);
    CHECK(text(resolve(client, "k").secret) == "too late");
  }
}

TEST_CASE("a connection that ends within a reply fails the call and sends nothing again", "[client]") {
  ScriptedAgent agent({[](Peer& peer) {
                         const auto request = peer.request();
                         const auto reply = secret_reply(number_of(*request), "k", "half of this");
                         peer.send(std::span(reply).first(reply.size() - 4));
                       },
                       [](Peer& peer) { answer(peer, "next call"); }});
  const Client client = make_client(agent.path());
  const Resolved result = resolve(client, "k");
  CHECK(result.status == TANTALUS_NO_AGENT);
  CHECK(result.secret == nullptr);
  CHECK(text(resolve(client, "k").secret) == "next call");
}

TEST_CASE("what is no reply ends the call, says so, and shows none of it", "[client]") {
  const std::string garbage = GENERATE(as<std::string>(), "HTTP/1.1 400 Bad Request\r\n\r\n", "\xc1\xc1\xc1",
                                       std::string("\x94\x01\x01\xc0\xdf\xff\xff\xff\xff", 9));
  ScriptedAgent agent({[&](Peer& peer) {
    static_cast<void>(peer.request());
    peer.send(std::as_bytes(std::span(garbage)));
    peer.wait_for_close();
  }});
  const Client client = make_client(agent.path());
  const Resolved result = resolve(client, "k");
  CHECK(result.status == TANTALUS_INTERNAL);
  CHECK_THAT(result.error.message, Catch::Matchers::ContainsSubstring("does not speak the agent's protocol"));
  CHECK_THAT(result.error.message, !Catch::Matchers::ContainsSubstring("Bad Request"));
}

TEST_CASE("an agent that is silent costs the timeout, and its late reply is not the next call's", "[client]") {
  ScriptedAgent agent({[](Peer& peer) {
    const auto first = peer.request();
    const auto second = peer.request();
    peer.send(secret_reply(number_of(*first), "k", "late"));
    peer.send(secret_reply(number_of(*second), "k", "right"));
    peer.wait_for_close();
  }});
  const Client client = make_client(agent.path());
  tantalus_client_set_timeout(client.get(), 50);
  CHECK(resolve(client, "k").status == TANTALUS_TIMED_OUT);
  tantalus_client_set_timeout(client.get(), 5000);
  CHECK(text(resolve(client, "k").secret) == "right");
}

TEST_CASE("an error that answers no request is the outcome of the call", "[client]") {
  // What an agent over its limit of connections says before it has read anything (trap 26).
  ScriptedAgent agent({[](Peer& peer) { peer.send(error_reply(0, Code::overloaded, "too many connections")); }});
  const Client client = make_client(agent.path());
  const Resolved result = resolve(client, "k");
  CHECK(result.status == TANTALUS_OVERLOADED);
  CHECK(std::string(result.error.message) == "too many connections");
  CHECK(result.error.retry_after_ms == 250);
  CHECK(agent.connections() == 1);
}

TEST_CASE("no socket, nobody on it, and a path that is too long are told apart", "[client][trap-23]") {
  const Client client = make_client("/nonexistent/tantalus.sock");
  Resolved result = resolve(client, "k");
  CHECK(result.status == TANTALUS_NO_AGENT);
  CHECK_THAT(result.error.message, Catch::Matchers::ContainsSubstring("there is no socket"));
  REQUIRE(tantalus_client_set_socket(client.get(), std::string(108, 's').c_str(), nullptr) == TANTALUS_OK);
  result = resolve(client, "k");
  CHECK(result.status == TANTALUS_INVALID_REQUEST);
  CHECK_THAT(result.error.message, Catch::Matchers::ContainsSubstring("longer than 107 bytes"));
}

TEST_CASE("default= stands for what is not found, and optional=true makes it no error", "[client]") {
  ScriptedAgent agent({[](Peer& peer) {
    while (const auto request = peer.request()) {
      peer.send(error_reply(number_of(*request), Code::not_found, "no such secret"));
    }
  }});
  const Client client = make_client(agent.path());
  CHECK(resolve(client, "tantalus:///k").status == TANTALUS_NOT_FOUND);
  const Resolved defaulted = resolve(client, "tantalus:///k?default=a%20b");
  REQUIRE(defaulted.status == TANTALUS_OK);
  CHECK(text(defaulted.secret) == "a b");
  CHECK(tantalus_secret_is_default(defaulted.secret.get()) == 1);
  const Resolved optional = resolve(client, "tantalus:///k?optional=true");
  CHECK(optional.status == TANTALUS_OK);
  CHECK(optional.secret == nullptr);
}

TEST_CASE("a batch keeps its order, and a bad reference fails alone without being sent", "[client]") {
  std::size_t sent = 0;
  ScriptedAgent agent({[&](Peer& peer) {
    const auto request = peer.request();
    tantalus::MessageReader reader(256);
    REQUIRE(reader.read(*request) == tantalus::MessageReader::Kind::call);
    sent = reader.call().references.size();
    tantalus::ReplyBuffer out;
    tantalus::reply::batch(out, reader.msgid(), 2);
    tantalus::SecretHead head{.key = "a",
                              .source = tantalus::Source::file,
                              .scope = tantalus::Scope::domain,
                              .id = {},
                              .version = "1",
                              .updated_at = std::nullopt};
    tantalus::reply::batch_secret(out, head, 1);
    out.push_back(std::byte{'A'});
    tantalus::reply::batch_error(out, {Code::not_found, "no such secret", {}});
    peer.send(out);
  }});
  const Client client = make_client(agent.path());
  const char* references[] = {"a", "tantalus://nowhere/x", "b"};
  tantalus_reply* raw = nullptr;
  REQUIRE(tantalus_resolve_many(client.get(), references, 3, TANTALUS_ANY_AGE, &raw, nullptr) == TANTALUS_OK);
  const Reply reply(raw, tantalus_reply_free);
  CHECK(sent == 2);
  REQUIRE(tantalus_reply_rows(raw) == 3);
  CHECK(tantalus_reply_status(raw, 0, nullptr) == TANTALUS_OK);
  CHECK(tantalus_secret_data(tantalus_reply_secret(raw, 0))[0] == 'A');
  CHECK(tantalus_reply_status(raw, 1, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(tantalus_reply_status(raw, 2, nullptr) == TANTALUS_NOT_FOUND);
  CHECK(tantalus_reply_status(raw, 3, nullptr) == TANTALUS_INVALID_REQUEST);
  const Secret taken(tantalus_reply_take_secret(raw, 0), tantalus_secret_free);
  CHECK(taken != nullptr);
  CHECK(tantalus_reply_secret(raw, 0) == nullptr);
}

TEST_CASE("started calls are answered in any order without blocking", "[client]") {
  ScriptedAgent agent({[](Peer& peer) {
    std::vector<std::vector<std::byte>> requests;
    for (int i = 0; i < 3; ++i) {
      requests.push_back(*peer.request());
    }
    for (int i = 2; i >= 0; --i) {
      peer.send(secret_reply(number_of(requests[static_cast<std::size_t>(i)]), "k", std::to_string(i)));
    }
    peer.wait_for_close();
  }});
  const Client client = make_client(agent.path());
  std::uint32_t calls[3];
  for (std::uint32_t& call : calls) {
    REQUIRE(tantalus_start_resolve(client.get(), "k", TANTALUS_ANY_AGE, &call, nullptr) == TANTALUS_OK);
  }
  tantalus_secret* secret = nullptr;
  CHECK(tantalus_take_secret(client.get(), calls[0], &secret, nullptr) == TANTALUS_PENDING);
  CHECK(tantalus_take_reply(client.get(), calls[0], nullptr, nullptr) == TANTALUS_INVALID_REQUEST);
  tantalus_status status = TANTALUS_PENDING;
  while (status == TANTALUS_PENDING) {
    pollfd descriptor{tantalus_fd(client.get()), tantalus_events(client.get()), 0};
    REQUIRE(poll(&descriptor, 1, tantalus_wait_ms(client.get())) >= 0);
    tantalus_process(client.get());
    status = tantalus_take_secret(client.get(), calls[0], &secret, nullptr);
  }
  REQUIRE(status == TANTALUS_OK);
  CHECK(text(Secret(secret, tantalus_secret_free)) == "0");
  for (std::uint32_t i = 1; i < 3; ++i) {
    REQUIRE(tantalus_take_secret(client.get(), calls[i], &secret, nullptr) == TANTALUS_OK);
    CHECK(text(Secret(secret, tantalus_secret_free)) == std::to_string(i));
  }
  CHECK(tantalus_take_secret(client.get(), calls[0], &secret, nullptr) == TANTALUS_INVALID_REQUEST);
}

TEST_CASE("a started call that is cancelled or out of time is not the next one's answer", "[client]") {
  ScriptedAgent agent({[](Peer& peer) { peer.wait_for_close(); }});
  const Client client = make_client(agent.path());
  tantalus_client_set_timeout(client.get(), 30);
  std::uint32_t cancelled = 0;
  std::uint32_t call = 0;
  REQUIRE(tantalus_start_ping(client.get(), &cancelled, nullptr) == TANTALUS_OK);
  REQUIRE(tantalus_start_ping(client.get(), &call, nullptr) == TANTALUS_OK);
  tantalus_cancel(client.get(), cancelled);
  CHECK(tantalus_wait_ms(client.get()) <= 30);
  pollfd descriptor{tantalus_fd(client.get()), POLLIN, 0};
  CHECK(poll(&descriptor, 1, tantalus_wait_ms(client.get())) == 0);
  tantalus_process(client.get());
  CHECK(tantalus_take_reply(client.get(), call, nullptr, nullptr) == TANTALUS_TIMED_OUT);
}

TEST_CASE("a forked child makes a connection of its own and holds no value of its parent", "[client]") {
  ScriptedAgent agent({[](Peer& peer) {
                         answer(peer, "parent's");
                         // The child closes its copy, which must not end this connection.
                         answer(peer, "still here");
                       },
                       [](Peer& peer) { answer(peer, "child's"); }});
  const Client client = make_client(agent.path());
  const Resolved before = resolve(client, "k");
  REQUIRE(text(before.secret) == "parent's");
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const bool is_gone =
        tantalus_secret_size(before.secret.get()) == 0 && tantalus_secret_data(before.secret.get())[0] == 0;
    std::byte go{};
    const bool told = read(ready[0], &go, 1) == 1;
    const Resolved own = resolve(client, "k");
    const bool is_own = own.status == TANTALUS_OK && text(own.secret) == "child's";
    _exit(is_gone && told && is_own ? 0 : 1);
  }
  CHECK(text(resolve(client, "k").secret) == "still here");
  REQUIRE(write(ready[1], "x", 1) == 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(text(before.secret) == "parent's");
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("a token is shown in the connection's first request, and a bad one fails the call", "[client]") {
  std::string folder = "/tmp/tantalus-token-XXXXXX";
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::string file = folder + "/token";
  FILE* const out = fopen(file.c_str(), "w");
  fputs(" eyJ.token.x \n", out);
  fclose(out);
  std::string shown;
  const auto read_hello = [&](Peer& peer) {
    const auto hello = peer.request();
    tantalus::MessageReader reader(256);
    REQUIRE(reader.read(*hello) == tantalus::MessageReader::Kind::call);
    REQUIRE(reader.call().method == tantalus::Method::hello);
    shown = std::string(reader.call().token.value_or(""));
    return reader.msgid();
  };
  ScriptedAgent agent({[&](Peer& peer) {
                         const std::uint32_t hello = read_hello(peer);
                         tantalus::ReplyBuffer reply;
                         tantalus::reply::hello(reply, hello, "tantalusd/0", 1, nullptr, {1, 1, 1, 1});
                         peer.send(reply);
                         answer(peer, "for a token");
                       },
                       [&](Peer& peer) {
                         peer.send(error_reply(read_hello(peer), Code::unauthenticated, "the token has expired"));
                         peer.wait_for_close();
                       }});
  const Client client = make_client(agent.path());
  REQUIRE(tantalus_client_set_token_file(client.get(), file.c_str(), nullptr) == TANTALUS_OK);
  CHECK(text(resolve(client, "k").secret) == "for a token");
  CHECK(shown == "eyJ.token.x");
  tantalus_client_disconnect(client.get());
  const Resolved refused = resolve(client, "k");
  CHECK(refused.status == TANTALUS_UNAUTHENTICATED);
  CHECK(std::string(refused.error.message) == "the token has expired");
  unlink(file.c_str());
  const Resolved missing = resolve(client, "k");
  CHECK(missing.status == TANTALUS_UNAUTHENTICATED);
  rmdir(folder.c_str());
}

namespace {

void send_state(Peer& peer, std::uint32_t msgid, std::string_view version) {
  tantalus::ReplyBuffer out;
  tantalus::SecretHead head{.key = "k",
                            .source = tantalus::Source::file,
                            .scope = tantalus::Scope::domain,
                            .id = {},
                            .version = version,
                            .updated_at = std::nullopt};
  tantalus::reply::batch(out, msgid, 1);
  tantalus::reply::batch_subscription(out, head, !version.empty());
  peer.send(out);
}

void send_change(Peer& peer, std::string_view version) {
  tantalus::ReplyBuffer out;
  tantalus::SecretHead head{.key = "k",
                            .source = tantalus::Source::file,
                            .scope = tantalus::Scope::domain,
                            .id = {},
                            .version = version,
                            .updated_at = std::nullopt};
  tantalus::reply::changed(out, head, !version.empty());
  peer.send(out);
}

std::string next_version(const Client& client) {
  tantalus_reply* change = nullptr;
  tantalus_error error{};
  const tantalus_status status = tantalus_next_change(client.get(), 5000, &change, &error);
  const Reply reply(change, tantalus_reply_free);
  if (status != TANTALUS_OK) {
    return error.message;
  }
  const char* const version = tantalus_reply_text(change, 0, "version");
  return version == nullptr ? "gone" : version;
}

}  // namespace

TEST_CASE("changes are told in order, and over a new connection only what differs", "[client][trap-130]") {
  ScriptedAgent agent({[](Peer& peer) {
                         send_state(peer, number_of(*peer.request()), "1");
                         send_change(peer, "2");
                         static_cast<void>(peer.request());  // The test's ping: it has seen the first change.
                         send_change(peer, "");
                       },
                       [](Peer& peer) {
                         // A restart of the agent: the same state announces nothing.
                         send_state(peer, number_of(*peer.request()), "");
                         static_cast<void>(peer.request());  // Again a ping.
                         send_change(peer, "3");
                       },
                       [](Peer& peer) {
                         send_state(peer, number_of(*peer.request()), "4");  // Changed while nobody listened.
                         peer.wait_for_close();
                       }});
  const Client client = make_client(agent.path());
  const char* references[] = {"k"};
  tantalus_reply* raw = nullptr;
  REQUIRE(tantalus_subscribe(client.get(), references, 1, &raw, nullptr) == TANTALUS_OK);
  const Reply reply(raw, tantalus_reply_free);
  CHECK(std::string(tantalus_reply_text(raw, 0, "version")) == "1");
  CHECK(next_version(client) == "2");
  std::uint32_t call = 0;
  REQUIRE(tantalus_start_ping(client.get(), &call, nullptr) == TANTALUS_OK);
  tantalus_cancel(client.get(), call);
  CHECK(next_version(client) == "gone");
  tantalus_reply* change = nullptr;
  CHECK(tantalus_next_change(client.get(), 100, &change, nullptr) == TANTALUS_TIMED_OUT);
  REQUIRE(tantalus_start_ping(client.get(), &call, nullptr) == TANTALUS_OK);
  tantalus_cancel(client.get(), call);
  CHECK(next_version(client) == "3");
  CHECK(next_version(client) == "4");
  CHECK(agent.connections() == 3);
}

TEST_CASE("waiting for a change ends in time, and needs a subscription", "[client]") {
  ScriptedAgent agent({[](Peer& peer) {
    send_state(peer, number_of(*peer.request()), "1");
    peer.wait_for_close();
  }});
  const Client client = make_client(agent.path());
  tantalus_reply* change = nullptr;
  CHECK(tantalus_next_change(client.get(), 10, &change, nullptr) == TANTALUS_INVALID_REQUEST);
  const char* references[] = {"k"};
  tantalus_reply* reply = nullptr;
  REQUIRE(tantalus_subscribe(client.get(), references, 1, &reply, nullptr) == TANTALUS_OK);
  tantalus_reply_free(reply);
  CHECK(tantalus_next_change(client.get(), 20, &change, nullptr) == TANTALUS_TIMED_OUT);
  CHECK(change == nullptr);
}

TEST_CASE("NULL is refused or ignored, never followed", "[client]") {
  tantalus_secret* secret = nullptr;
  tantalus_reply* reply = nullptr;
  std::uint32_t call = 0;
  CHECK(tantalus_resolve(nullptr, "k", 0, &secret, nullptr) == TANTALUS_INVALID_REQUEST);
  const Client client = make_client("/nonexistent");
  CHECK(tantalus_resolve(client.get(), nullptr, 0, &secret, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(tantalus_resolve(client.get(), "k", 0, nullptr, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(tantalus_resolve_many(client.get(), nullptr, 2, 0, &reply, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(tantalus_start_list(nullptr, nullptr, nullptr, &call, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(tantalus_take_reply(nullptr, 1, &reply, nullptr) == TANTALUS_INVALID_REQUEST);
  tantalus_secret_free(nullptr);
  tantalus_reply_free(nullptr);
  tantalus_client_free(nullptr);
  tantalus_uri_free(nullptr);
  tantalus_process(nullptr);
  CHECK(tantalus_secret_data(nullptr) == nullptr);
  CHECK(tantalus_secret_size(nullptr) == 0);
  CHECK(tantalus_reply_text(nullptr, 0, "x") == nullptr);
  CHECK(tantalus_fd(nullptr) == -1);
}

TEST_CASE("a URI is composed of its parts and checked", "[client]") {
  char* uri = nullptr;
  REQUIRE(tantalus_uri_new("team/db", "VAULT", nullptr, "main", "a b", 3, &uri, nullptr) == TANTALUS_OK);
  CHECK(std::string(uri) == "tantalus://vault/team/db?id=main&version=3#a%20b");
  tantalus_uri_free(uri);
  CHECK(tantalus_uri_new("k", "cupboard", nullptr, nullptr, nullptr, 0, &uri, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(uri == nullptr);
  CHECK(tantalus_uri_new("a/../b", "vault", nullptr, nullptr, nullptr, 0, &uri, nullptr) == TANTALUS_INVALID_REQUEST);
  CHECK(tantalus_uri_new("k", "file", nullptr, nullptr, nullptr, 3, &uri, nullptr) == TANTALUS_INVALID_REQUEST);
}
