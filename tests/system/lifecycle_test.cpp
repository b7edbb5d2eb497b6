// SPDX-License-Identifier: Apache-2.0
// From start to stop, as a service manager and an operator see it.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/daemon.h"
#include "tests/support/json.h"
#include "tests/support/wire_client.h"

using namespace tantalus;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using test::Daemon;
using test::eventually;
using test::Json;
using test::WireClient;

namespace {

constexpr std::size_t large_size = 512UL * 1024;

std::string resolve(const std::string& socket, const std::string& key) {
  WireClient client(socket);
  client.send(test::resolve_request(1, key));
  const auto reply = client.receive();
  if (!reply) {
    return "no reply";
  }
  return reply->code() == "ok" ? reply->value() : reply->code();
}

/// More unread replies than a socket's buffer takes.
void fill_with_unread_replies(WireClient& client, std::uint32_t count) {
  for (std::uint32_t id = 1; id <= count; ++id) {
    client.send(test::resolve_request(id, "large"));
  }
}

void write_large_value(const Daemon& daemon) {
  daemon.write_manifest("large.yaml", Daemon::manifest("ops", {{"large", std::string(large_size, 'x')}}));
}

/// `step=true (why)` of each, from the status.
std::string steps_of(const Daemon& daemon) {
  const Json status(daemon.http("/v1/status").second);
  std::string steps;
  for (std::size_t i = 0; i < status.size("hardening"); ++i) {
    const std::string step = "hardening/" + std::to_string(i);
    steps += status.at(step + "/step") + "=" + status.at(step + "/in_force") + " (" + status.at(step + "/why") + ") ";
  }
  return steps;
}

std::size_t voluntary_switches(pid_t pid) {
  std::size_t sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    std::string name;
    while (status >> name) {
      if (name == "voluntary_ctxt_switches:") {
        std::size_t count = 0;
        status >> count;
        sum += count;
      }
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("a daemon says READY, RELOADING and STOPPING, and serves from the first on", "[trap-110][trap-112]") {
  const bool is_abstract = GENERATE(false, true);  // Landlock shuts off abstract names, but not this one.
  Daemon daemon({.has_abstract_manager = is_abstract});
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"db-password", "hunter2"}}));
  REQUIRE(daemon.start());
  CHECK(resolve(daemon.socket(), "db-password") == "hunter2");
  CHECK(daemon.notifications() == "READY=1\nSTATUS=serving\n--\n");

  daemon.signal(SIGHUP);
  REQUIRE(daemon.hears("--\nRELOADING=1\nMONOTONIC_USEC="));
  REQUIRE(eventually([&] { return daemon.notifications().ends_with("READY=1\nSTATUS=serving\n--\n"); }));

  daemon.signal(SIGTERM);
  CHECK(daemon.wait() == 0);
  CHECK_THAT(daemon.notifications(), ContainsSubstring("STOPPING=1\nSTATUS=draining"));
  CHECK_FALSE(std::filesystem::exists(daemon.socket()));
  CHECK_FALSE(std::filesystem::exists(daemon.debug_socket()));
}

TEST_CASE("a bad configuration is refused on reload and the old one stays in force", "[trap-111]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"db-password", "hunter2"}}));
  REQUIRE(daemon.start());
  const auto [bad, word] = GENERATE(table<std::string, std::string>({
      {"listen:\n  socket: @DIR@/run/resolve.sock\n  scoket: x\n", "scoket"},
      {"not: [yaml", "tantalusd.yaml"},
  }));
  daemon.write_config(bad);
  daemon.signal(SIGHUP);
  REQUIRE(daemon.hears("READY=1\nSTATUS=serving; the last reload was refused"));
  CHECK(resolve(daemon.socket(), "db-password") == "hunter2");
  const Json status(daemon.http("/v1/status").second);
  CHECK(status.at("config/outcome") == "refused");
  CHECK_THAT(status.at("config/error"), ContainsSubstring(word));

  daemon.write_config(Daemon::default_config() + "log:\n  level: debug\n");
  REQUIRE(eventually([&] { return Json(daemon.http("/v1/status").second).at("config/outcome") == "ok"; }));
  CHECK(Json(daemon.http("/v1/status").second).at("config/error") == "null");
}

TEST_CASE("a reload that needs a restart is refused whole, naming the keys", "[trap-111]") {
  Daemon daemon;
  REQUIRE(daemon.start());
  std::string config = Daemon::default_config();
  config.replace(config.find("run/resolve.sock"), 16, "run/another.sock");
  daemon.write_config(config + "cache:\n  memory: 32MiB\n");
  REQUIRE(daemon.hears("the last reload was refused"));
  const std::string error = Json(daemon.http("/v1/status").second).at("config/error");
  CHECK_THAT(error, ContainsSubstring("listen.socket"));
  CHECK_THAT(error, ContainsSubstring("cache.memory"));
}

TEST_CASE("the trail moves within its directory, and to another one with a restart", "[trap-111][promise-12]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"db-password", "hunter2"}}));
  REQUIRE(daemon.start());
  std::string config = Daemon::default_config();
  config.replace(config.find("audit/audit.jsonl"), 17, "audit/moved.jsonl");
  daemon.write_config(config);
  REQUIRE(eventually([&] { return std::filesystem::exists(daemon.dir() + "/audit/moved.jsonl"); }));
  CHECK(resolve(daemon.socket(), "db-password") == "hunter2");

  if (steps_of(daemon).find("landlock=true") == std::string::npos) {
    return;
  }
  std::filesystem::create_directory(daemon.dir() + "/other");
  config.replace(config.find("audit/moved.jsonl"), 17, "other/audit.jsonl");
  daemon.write_config(config);
  REQUIRE(daemon.hears("the last reload was refused"));
  CHECK_THAT(Json(daemon.http("/v1/status").second).at("config/error"), ContainsSubstring("audit.path"));
  CHECK(resolve(daemon.socket(), "db-password") == "hunter2");
  CHECK(daemon.stop() == 0);
  REQUIRE(daemon.start());
  CHECK(std::filesystem::exists(daemon.dir() + "/other/audit.jsonl"));
}

TEST_CASE("manifests are read from another directory after a reload, hardened or not", "[promise-12]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"db-password", "hunter2"}}));
  daemon.write(daemon.dir() + "/elsewhere/a.yaml", Daemon::manifest("ops", {{"db-password", "hunter3"}}));
  REQUIRE(daemon.start());
  CHECK(resolve(daemon.socket(), "db-password") == "hunter2");
  std::string config = Daemon::default_config();
  config.replace(config.find("@DIR@/secrets"), 13, "@DIR@/elsewhere");
  daemon.write_config(config);
  CHECK(eventually([&] { return resolve(daemon.socket(), "db-password") == "hunter3"; }));
  daemon.write(daemon.dir() + "/elsewhere/a.yaml", Daemon::manifest("ops", {{"db-password", "hunter4"}}));
  CHECK(eventually([&] { return resolve(daemon.socket(), "db-password") == "hunter4"; }));
}

TEST_CASE("reloads that come at once, before the first load has ended too, leave the last one's manifests",
          "[trap-111]") {
  Daemon daemon;
  for (int i = 0; i < 200; ++i) {  // A load of several slices.
    daemon.write_manifest("m" + std::to_string(i) + ".yaml",
                          Daemon::manifest("other" + std::to_string(i), {{"k", std::string(20'000, 'x')}}));
  }
  daemon.write(daemon.dir() + "/one/a.yaml", Daemon::manifest("ops", {{"k", "one"}}));
  daemon.write(daemon.dir() + "/two/a.yaml", Daemon::manifest("ops", {{"k", "two"}}));
  daemon.launch();
  REQUIRE(eventually([&] { return std::filesystem::exists(daemon.debug_socket()); }));
  for (int i = 0; i < 40; ++i) {
    std::string config = Daemon::default_config();
    config.replace(config.find("@DIR@/secrets"), 13, i % 2 == 0 ? "@DIR@/one" : "@DIR@/two");
    daemon.write_config(config);
    daemon.signal(SIGHUP);
    std::this_thread::sleep_for(std::chrono::milliseconds(i % 7));
    static_cast<void>(daemon.notifications());  // A manager that does not read would slow it down.
  }
  CHECK(eventually([&] { return resolve(daemon.socket(), "k") == "two"; }));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("what is pending when the stop comes is still sent", "[trap-112]") {
  Daemon daemon;
  write_large_value(daemon);
  REQUIRE(daemon.start());
  WireClient client(daemon.socket());
  fill_with_unread_replies(client, 8);
  auto first = client.receive();  // The others wait to be sent.
  REQUIRE(first);
  daemon.signal(SIGTERM);
  REQUIRE(daemon.hears("STOPPING=1"));
  int received = 1;
  while (const auto reply = client.receive()) {
    received += reply->value().size() == large_size ? 1 : 0;
  }
  CHECK(received == 8);
  CHECK_FALSE(client.was_reset());
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a drain ends at its deadline, whoever does not read", "[trap-112][trap-114]") {
  Daemon daemon({.config = Daemon::default_config() + "limits:\n  drain: 500ms\n"});
  write_large_value(daemon);
  REQUIRE(daemon.start());
  WireClient client(daemon.socket());
  fill_with_unread_replies(client, 8);
  REQUIRE(client.receive());
  daemon.signal(SIGTERM);
  CHECK(daemon.wait(20s) == 0);
  CHECK_THAT(daemon.log(), ContainsSubstring("the drain's deadline has passed"));
}

TEST_CASE("while it drains the daemon is not ready, and a second signal ends it", "[trap-110][trap-113]") {
  const int second = GENERATE(SIGTERM, SIGINT);
  Daemon daemon({.config = Daemon::default_config() + "limits:\n  drain: 10m\n  write_timeout: 10m\n"});
  write_large_value(daemon);
  REQUIRE(daemon.start());
  CHECK(daemon.http("/readyz").first == 200);
  WireClient client(daemon.socket());
  fill_with_unread_replies(client, 8);
  REQUIRE(client.receive());
  daemon.signal(SIGTERM);
  REQUIRE(daemon.hears("STOPPING=1"));
  CHECK(daemon.http("/readyz").first == 503);
  CHECK(daemon.http("/healthz").first == 200);
  CHECK_FALSE(daemon.wait(200ms));
  daemon.signal(second);
  CHECK(daemon.wait(20s) == 0);
}

TEST_CASE("the watchdog is fed while the loop turns, and not while it stands still", "[trap-118]") {
  Daemon daemon({.environment = {{"WATCHDOG_USEC", "200000"}}});
  REQUIRE(daemon.start());
  const auto fed = [&] {
    std::size_t count = 0;
    const std::string heard = daemon.notifications();
    for (std::size_t at = heard.find("WATCHDOG=1"); at != std::string::npos; at = heard.find("WATCHDOG=1", at + 1)) {
      ++count;
    }
    return count;
  };
  REQUIRE(eventually([&] { return fed() >= 5; }));
  daemon.signal(SIGSTOP);
  std::this_thread::sleep_for(300ms);  // What was on its way has come.
  const std::size_t before = fed();
  std::this_thread::sleep_for(500ms);
  CHECK(fed() == before);
  daemon.signal(SIGCONT);
  CHECK(eventually([&] { return fed() > before; }));
}

TEST_CASE("an idle daemon wakes no more than once a second") {
  Daemon daemon;
  REQUIRE(daemon.start());
  std::this_thread::sleep_for(2500ms);  // The audit's first line is synced after a second.
  const std::size_t before = voluntary_switches(daemon.pid());
  std::this_thread::sleep_for(4s);
  CHECK(voluntary_switches(daemon.pid()) - before <= 4);
}

TEST_CASE("memory that can't be locked stops the start, naming the limit", "[promise-5][trap-53]") {
  if (::geteuid() != 0) {
    SKIP("becomes another user");
  }
  Daemon daemon({.user = 1001, .limits = {{RLIMIT_MEMLOCK, 1024UL * 1024}}});
  CHECK_FALSE(daemon.start());
  CHECK(daemon.wait() == 71);
  CHECK_THAT(daemon.log(), ContainsSubstring("RLIMIT_MEMLOCK"));
  CHECK_THAT(daemon.log(), ContainsSubstring("LimitMEMLOCK"));
  CHECK_FALSE(std::filesystem::exists(daemon.socket()));
}

TEST_CASE("as its own user it starts, serves and needs no capability", "[promise-12]") {
  if (::geteuid() != 0) {
    SKIP("becomes another user");
  }
  // Fits the 8 MiB that the kernel gives everyone.
  Daemon daemon({.config = Daemon::default_config() + "cache:\n  memory: 4MiB\n", .user = 1001});
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"db-password", "hunter2"}}));
  const bool is_started = daemon.start();
  INFO(daemon.log());
  REQUIRE(is_started);
  CHECK(resolve(daemon.socket(), "db-password") == "hunter2");
  CHECK_THAT(steps_of(daemon), ContainsSubstring("own_user=true"));
  CHECK(daemon.stop() == 0);
}

TEST_CASE("what the process gave up is told with the status, and is in force", "[promise-5][promise-12][trap-61]") {
  Daemon daemon;
  REQUIRE(daemon.start());
  const std::string steps = steps_of(daemon);
  INFO(steps);
  for (const char* const step : {"core_dumps=true", "dumpable=true", "no_new_privs=true"}) {
    CHECK_THAT(steps, ContainsSubstring(step));
  }
  if (steps.find("sanitizer") != std::string::npos) {
    return;
  }
  for (const char* const step : {"capabilities=true", "landlock=true", "seccomp=true"}) {
    CHECK_THAT(steps, ContainsSubstring(step));
  }
  // Every thread of it, those of the loop's helpers too.
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.pid()) + "/task")) {
    std::ifstream file(task.path() / "status");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    CHECK_THAT(text, ContainsSubstring("CapEff:\t0000000000000000"));
    CHECK_THAT(text, ContainsSubstring("NoNewPrivs:\t1"));
    CHECK_THAT(text, ContainsSubstring("Seccomp:\t2"));
  }
}

TEST_CASE("a daemon killed hard leaves a socket that the next one replaces", "[trap-21]") {
  Daemon daemon;
  REQUIRE(daemon.start());
  daemon.signal(SIGKILL);
  REQUIRE(daemon.wait() == -SIGKILL);
  REQUIRE(std::filesystem::exists(daemon.socket()));
  REQUIRE(daemon.start());
  CHECK(daemon.http("/healthz").first == 200);
  CHECK(daemon.stop() == 0);
}

TEST_CASE("options are checked before anything is done") {
  const auto run = [](const Daemon& daemon, const std::vector<std::string>& words) {
    std::vector<std::string> all{daemon.program()};
    all.insert(all.end(), words.begin(), words.end());
    return test::run({.words = all});
  };
  const Daemon daemon;
  CHECK(run(daemon, {"--config", daemon.config_path(), "--check-config"}).exit_code == 0);
  CHECK(run(daemon, {"--nonsense"}).exit_code == 2);
  CHECK(run(daemon, {"surplus"}).exit_code == 2);
  CHECK(run(daemon, {"--config"}).exit_code == 2);
  CHECK(run(daemon, {"--version"}).exit_code == 0);
  daemon.write_config("listen:\n  mode: 0666\n");
  const auto refused = run(daemon, {"--config", daemon.config_path(), "--check-config"});
  CHECK(refused.exit_code == 78);
  CHECK_THAT(refused.err, ContainsSubstring("listen.mode"));
  CHECK(run(daemon, {"--config", daemon.config_path()}).exit_code == 78);
  CHECK(run(daemon, {"--config", daemon.dir() + "/missing.yaml"}).exit_code == 78);
}
