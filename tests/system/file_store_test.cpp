// SPDX-License-Identifier: Apache-2.0
// The embedded store of the real daemon: what is not there yet, what is broken, what is as large as may be, and who all
// come at once.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "protocol/request.h"
#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/daemon.h"
#include "tests/support/wire_client.h"

using namespace std::chrono_literals;
using namespace tantalus;
using namespace tantalus::test;

namespace {

constexpr std::size_t mebibyte = 1024UL * 1024;

std::string resolve(const Daemon& daemon, const std::string& key, std::optional<Millis> max_age = std::nullopt) {
  WireClient client(daemon.socket());
  client.send(resolve_request(1, key, max_age));
  const auto reply = client.receive();
  if (!reply.has_value()) {
    return "no reply";
  }
  return reply->head.error.has_value() ? "!" + reply->code() : reply->value();
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  text.replace(text.find(what), what.size(), by);
  return text;
}

}  // namespace

TEST_CASE("a directory that is made after the start is found", "[trap-117]") {
  Daemon daemon({.config = replaced(Daemon::default_config(), "@DIR@/secrets", "@DIR@/later/secrets")});
  REQUIRE(daemon.start());
  CHECK(resolve(daemon, "k") == "!unavailable");
  CHECK(daemon.http("/readyz").first == 503);
  CHECK(daemon.http("/healthz").first == 200);
  std::filesystem::create_directories(daemon.dir() + "/later/secrets");
  daemon.write(daemon.dir() + "/later/secrets/ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  CHECK(eventually([&] { return resolve(daemon, "k") == "v"; }));
  CHECK(eventually([&] { return daemon.http("/readyz").first == 200; }));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("a store whose every manifest is bad is served once they are mended", "[trap-117]") {
  Daemon daemon;
  daemon.write_manifest("ops.yaml", "kind: Secret\nmetadata: [\n");
  REQUIRE(daemon.start());
  CHECK(resolve(daemon, "k") == "!unavailable");
  CHECK(daemon.http("/readyz").first == 503);
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  CHECK(eventually([&] { return resolve(daemon, "k") == "v"; }));
  CHECK(daemon.http("/readyz").first == 200);
  CHECK(resolve(daemon, "k") == "v");
  // Broken again, what is known goes on; a forced read tells.
  daemon.write_manifest("ops.yaml", "kind: Secret\nmetadata: [\n");
  CHECK(eventually([&] { return resolve(daemon, "k", 0ms) == "!unavailable"; }));
  CHECK(resolve(daemon, "k") == "v");
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "w"}}));
  CHECK(eventually([&] { return resolve(daemon, "k") == "w"; }));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("a value of exactly one mebibyte reads, one byte more is too large", "[trap-126]") {
  Daemon daemon;
  const std::string most(mebibyte, 'm');
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"most", most}}));
  daemon.write_manifest("global.yaml", Daemon::manifest("", {{"over", most + "m"}, {"small", "s"}}));
  REQUIRE(daemon.start());
  CHECK(resolve(daemon, "most") == most);
  CHECK(resolve(daemon, "most") == most);
  Reference over;
  over.key = "over";
  over.scope = Scope::global;
  Reference small;
  small.key = "small";
  small.scope = Scope::global;
  const auto answers = ask_as(::getuid(), daemon.socket(), {to_resolve(over), to_resolve(small), to_list()});
  CHECK(answers[0].starts_with("!too_large"));
  CHECK(answers[1] == "s");
  CHECK(daemon.stop() == 0);
}

TEST_CASE("an object full to a mebibyte reads, each value of it", "[trap-126]") {
  Daemon daemon;
  std::map<std::string, std::string> values;
  for (std::size_t i = 0; i < 64; ++i) {
    values["k" + std::to_string(i)] = std::string(mebibyte / 64, static_cast<char>('a' + i % 26));
  }
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", values));
  REQUIRE(daemon.start());
  for (const auto& [key, value] : values) {
    INFO(key);
    CHECK(resolve(daemon, key) == value);
  }
  CHECK(daemon.stop() == 0);
}

TEST_CASE("a reload that names another directory tells subscribers what is another value there", "[trap-111]") {
  Daemon daemon;
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"moves", "old"}, {"stays", "same"}}));
  REQUIRE(daemon.start());
  WireClient client(daemon.socket());
  std::vector<Reference> references(2);
  references[0].key = "moves";
  references[1].key = "stays";
  ReplyBuffer bytes;
  request::subscribe(bytes, 1, references);
  client.send(bytes);
  REQUIRE(client.receive().has_value());
  daemon.write(daemon.dir() + "/others/ops.yaml", Daemon::manifest("ops", {{"moves", "new"}, {"stays", "same"}}));
  daemon.write_config(replaced(Daemon::default_config(), "@DIR@/secrets", "@DIR@/others"));
  daemon.signal(SIGHUP);
  const auto changed = client.receive();
  REQUIRE(changed.has_value());
  CHECK(changed->head.is_notification);
  CHECK(response::read_change(changed->head.result)->key == "moves");
  CHECK(resolve(daemon, "moves") == "new");
  CHECK_FALSE(client.receive(100ms).has_value());
  CHECK(daemon.stop() == 0);
}

TEST_CASE("three hundred processes that all start at once are served whole", "[promise-11]") {
  constexpr int processes = 300;
  constexpr std::uint32_t references = 30;
  Daemon daemon;
  std::map<std::string, std::string> values;
  for (std::uint32_t i = 0; i < references; ++i) {
    values["k" + std::to_string(i)] = "value-" + std::to_string(i);
  }
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", values));
  REQUIRE(daemon.start());
  int gate[2];
  REQUIRE(::pipe(gate) == 0);
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(gate[1]);
      char nothing = 0;
      (void)!::read(gate[0], &nothing, 1);  // Until all are there.
      int wrong = 0;
      try {
        WireClient client(daemon.socket());
        std::vector<std::byte> all;
        for (std::uint32_t key = 0; key < references; ++key) {
          const auto one = resolve_request(key, "k" + std::to_string(key));
          all.insert(all.end(), one.begin(), one.end());
        }
        client.send(all);
        for (std::uint32_t key = 0; key < references; ++key) {
          const auto reply = client.receive(60s);
          const bool right = reply.has_value() && !reply->head.error.has_value() &&
                             reply->value() == "value-" + std::to_string(reply->head.msgid);
          wrong += right ? 0 : 1;
        }
      } catch (const std::exception&) {
        wrong = 99;
      }
      ::_exit(wrong);
    }
    children.push_back(child);
  }
  ::close(gate[0]);
  ::close(gate[1]);
  int failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    failed += status == 0 ? 0 : 1;
  }
  CHECK(failed == 0);
  CHECK(daemon.stop() == 0);
}
