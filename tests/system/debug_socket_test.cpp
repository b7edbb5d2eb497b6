// SPDX-License-Identifier: Apache-2.0
// The debug socket by the real curl.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/daemon.h"
#include "tests/support/json.h"
#include "tests/support/wire_client.h"

using namespace tantalus;
using Catch::Matchers::ContainsSubstring;
using test::Daemon;
using test::eventually;
using test::Json;
using test::WireClient;

namespace {

constexpr const char* canary = "canary-7f3a9e";

std::string resolve(const Daemon& daemon, const std::string& key) {
  WireClient client(daemon.socket());
  client.send(test::resolve_request(1, key));
  const auto reply = client.receive();
  REQUIRE(reply);
  return reply->code();
}

std::string audit_of(const Daemon& daemon) {
  std::ifstream file(daemon.audit());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("an operator sees health, readiness and status") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", canary}}));
  REQUIRE(daemon.start());
  CHECK(daemon.http("/healthz").first == 200);
  const auto [ready_code, ready_text] = daemon.http("/readyz");
  CHECK(ready_code == 200);
  const Json ready(ready_text);
  CHECK(ready.at("ready") == "true");
  CHECK(ready.at("backends/0/backend") == "file");
  CHECK(ready.at("backends/0/state") == "ok");

  const auto [code, text] = daemon.http("/v1/status");
  CHECK(code == 200);
  const Json status(text);
  REQUIRE(status.is_whole());
  CHECK(status.at("config/path") == daemon.config_path());
  CHECK(status.at("config/sha256").size() == 64);
  CHECK((status.at("memory/kind") == "memfd_secret" || status.at("memory/kind") == "mlock"));
  CHECK(status.at("memory/limit") == "16777216");
  CHECK(status.size("uptime_ms") < 60'000);
  CHECK(status.at("audit/hash").size() == 64);
  for (const char* const path : {"version", "commit", "started_at", "loop_lag_us/p50", "loop_lag_us/p99", "memory/used",
                                 "memory/peak", "connections", "fds/open", "fds/limit", "peer"}) {
    INFO(path);
    CHECK(status.has(path));
  }
}

TEST_CASE("a backend that is down makes the agent unready, and the reason is for operators", "[trap-110]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", "not a manifest: [");
  REQUIRE(daemon.start());
  const auto [code, text] = daemon.http("/readyz");
  CHECK_THAT(text, ContainsSubstring("a.yaml"));
  CHECK((code == 200 || code == 503));
  CHECK((Json(text).at("ready") == "true") == (code == 200));
}

TEST_CASE("the cache is seen, filtered, paged and flushed, and holds no value", "[promise-7][promise-10]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"one", canary}, {"two", canary}, {"three", canary}}));
  daemon.write_manifest("b.yaml", Daemon::manifest("", {{"shared", canary}}));
  REQUIRE(daemon.start());
  for (const char* const key : {"one", "two", "three", "missing"}) {
    static_cast<void>(resolve(daemon, key));
  }
  const auto [code, text] = daemon.http("/v1/cache");
  CHECK(code == 200);
  CHECK_THAT(text, !ContainsSubstring(canary));
  const Json all(text);
  CHECK(all.size("items") == 4);
  CHECK(Json(daemon.http("/v1/cache?key=two").second).at("items/0/bytes") ==
        std::to_string(std::string(canary).size()));
  CHECK(Json(daemon.http("/v1/cache?key=missing").second).at("items/0/state") == "negative");
  CHECK(Json(daemon.http("/v1/cache?domain=ops&key=one").second).at("items/0/state") == "fresh");
  CHECK(Json(daemon.http("/v1/cache?domain=sales").second).size("items") == 0);

  const Json page(daemon.http("/v1/cache?limit=3").second);
  CHECK(page.size("items") == 3);
  const Json rest(daemon.http("/v1/cache?limit=3&cursor=" + page.at("next")).second);
  CHECK(rest.size("items") == 1);
  CHECK(rest.at("next") == "null");

  CHECK(Json(daemon.http("/v1/cache?key=one", {"-X", "DELETE"}).second).at("flushed") == "1");
  CHECK(Json(daemon.http("/v1/cache", {"-X", "DELETE"}).second).at("flushed") == "3");
  CHECK(Json(daemon.http("/v1/cache").second).size("items") == 0);
  CHECK_THAT(audit_of(daemon), ContainsSubstring(R"("event":"flush","outcome":"ok")"));
  CHECK(resolve(daemon, "one") == "ok");  // A cache that was flushed works (trap 52).
  CHECK(Json(daemon.http("/v1/cache").second).size("items") == 1);
  CHECK_THAT(daemon.log() + audit_of(daemon), !ContainsSubstring(canary));
}

TEST_CASE("wrong paths, methods and parameters are told apart") {
  Daemon daemon;
  REQUIRE(daemon.start());
  CHECK(daemon.http("/").first == 404);
  CHECK(daemon.http("/v1/cache?limit=0").first == 400);
  CHECK_THAT(daemon.http("/v1/cache?colour=red").second, ContainsSubstring("colour"));
  CHECK(daemon.http("/healthz", {"-X", "POST", "-d", "x"}).first == 405);
  const auto head = test::run(
      {.words = {"curl", "-sI", "--max-time", "20", "--unix-socket", daemon.debug_socket(), "http://l/v1/status"}});
  CHECK_THAT(head.out, ContainsSubstring("HTTP/1.1 200 OK"));
  const auto allow =
      test::run({.words = {"curl", "-si", "-X", "PUT", "--unix-socket", daemon.debug_socket(), "http://l/v1/cache"}});
  CHECK_THAT(allow.out, ContainsSubstring("Allow: GET, HEAD, DELETE"));
  const std::string large = daemon.dir() + "/large";
  daemon.write(large, std::string(70'000, 'x'));
  CHECK(daemon.http("/healthz", {"-X", "PUT", "-H", "Expect:", "--data-binary", "@" + large}).first == 413);
  CHECK(daemon.http("/" + std::string(5'000, 'a')).first == 414);
  CHECK(daemon.http("/healthz", {"-H", "X: " + std::string(9'000, 'a')}).first == 431);
}

TEST_CASE("another user is refused by the directory, and by the kernel's word where it can connect", "[promise-10]") {
  if (::geteuid() != 0) {
    SKIP("becomes another user");
  }
  Daemon daemon;
  REQUIRE(daemon.start());
  const test::Command as_other{.words = {"curl", "-s", "--max-time", "20", "-X", "DELETE", "--unix-socket",
                                         daemon.debug_socket(), "http://l/v1/cache"},
                               .user = 1001};
  CHECK(test::run(as_other).exit_code != 0);
  REQUIRE(::chmod((daemon.dir() + "/private").c_str(), 0755) == 0);
  REQUIRE(::chmod(daemon.debug_socket().c_str(), 0666) == 0);
  const auto refused = test::run(as_other);
  CHECK_THAT(refused.out, ContainsSubstring("permission_denied"));
  CHECK_THAT(audit_of(daemon), !ContainsSubstring(R"("event":"flush")"));
}

TEST_CASE("a flush that can't be audited is refused and flushes nothing", "[promise-9]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", canary}}));
  // A small file system of its own, full: the real thing.
  const std::string disk = daemon.dir() + "/audit";
  if (::geteuid() != 0 ||
      test::run({.words = {"mount", "-t", "tmpfs", "-o", "size=64k", "none", disk}}).exit_code != 0) {
    SKIP("can't mount");
  }
  struct Unmount {
    std::string disk;
    ~Unmount() { static_cast<void>(test::run({.words = {"umount", "-l", disk}})); }
  } const unmount{disk};
  REQUIRE(daemon.start());
  CHECK(resolve(daemon, "k") == "ok");
  static_cast<void>(test::run({.words = {"dd", "if=/dev/zero", "of=" + disk + "/filler", "bs=1k"}}));
  REQUIRE(eventually([&] { return resolve(daemon, "k") == "unavailable"; }));  // The last page is full as well.
  const auto [code, text] = daemon.http("/v1/cache", {"-X", "DELETE"});
  CHECK(code == 503);
  CHECK(Json(text).at("error/code") == "unavailable");
  CHECK(Json(daemon.http("/v1/cache").second).size("items") == 1);
  CHECK(daemon.http("/readyz").first == 503);
  REQUIRE(::unlink((disk + "/filler").c_str()) == 0);
  CHECK(eventually([&] { return daemon.http("/v1/cache", {"-X", "DELETE"}).first == 200; }));
}

namespace {

/// A cgroup of the kubelet's layout in a hierarchy that is mounted here, gone with it.
class PodCgroup {
 public:
  explicit PodCgroup(const std::string& hierarchy) {
    const std::string top = hierarchy + "/kubepods-tantalus-" + std::to_string(::getpid());
    const std::string pod = top + "/pod6f1b2c3d-0000-4000-8000-000000000001";
    made_ = {top, pod, pod + "/" + std::string(64, 'a')};
    std::error_code error;
    std::filesystem::create_directories(made_.back(), error);
    is_there_ = !error && std::filesystem::exists(made_.back() + "/cgroup.procs");
  }
  PodCgroup(const PodCgroup&) = delete;
  PodCgroup& operator=(const PodCgroup&) = delete;
  ~PodCgroup() {
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
      ::rmdir(it->c_str());
    }
  }
  [[nodiscard]] bool is_there() const { return is_there_; }
  [[nodiscard]] std::string procs() const { return made_.back() + "/cgroup.procs"; }

 private:
  std::vector<std::string> made_;
  bool is_there_ = false;
};

std::string ask_health(const Daemon& daemon, const std::vector<std::string>& wrapper) {
  std::vector<std::string> words = wrapper;
  words.insert(words.end(),
               {"curl", "-s", "--max-time", "20", "--unix-socket", daemon.debug_socket(), "http://l/healthz"});
  return test::run({.words = words}).out;
}

}  // namespace

TEST_CASE("root in a pod is refused, with every mount and no namespace of its own", "[promise-10][trap-135]") {
  const std::string hierarchy =
      GENERATE(as<std::string>(), "/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids");
  const PodCgroup pod(hierarchy);
  if (::geteuid() != 0 || !pod.is_there()) {
    SKIP("no such hierarchy to make a cgroup in");
  }
  Daemon daemon;
  REQUIRE(daemon.start());
  CHECK_THAT(ask_health(daemon, {}), ContainsSubstring("healthy"));
  const std::string enter = "echo $$ > " + pod.procs() + " && exec \"$@\"";
  CHECK_THAT(ask_health(daemon, {"sh", "-c", enter, "sh"}), ContainsSubstring("permission_denied"));
}

TEST_CASE("root in a pid namespace below the agent's is refused", "[promise-10]") {
  if (test::run({.words = {"unshare", "--pid", "--fork", "true"}}).exit_code != 0) {
    SKIP("no pid namespace to be had");
  }
  Daemon daemon;
  REQUIRE(daemon.start());
  CHECK_THAT(ask_health(daemon, {"unshare", "--pid", "--fork"}), ContainsSubstring("permission_denied"));
}

TEST_CASE("members of listen.debug_group are operators, and nobody else is", "[promise-10]") {
  if (::geteuid() != 0 || test::run({.words = {"setpriv", "--version"}}).exit_code != 0) {
    SKIP("becomes another user by setpriv");
  }
  const std::string group = GENERATE(as<std::string>(), "adm", "\"4\"");  // Debian's number for it.
  std::string config = Daemon::default_config();
  config.insert(config.find("  debug_socket"), "  debug_group: " + group + "\n");
  Daemon daemon({.config = config});
  REQUIRE(daemon.start());
  const std::vector<std::string> user{"setpriv", "--reuid=1001", "--regid=1001"};
  std::vector<std::string> member = user;
  member.push_back("--groups=adm");
  std::vector<std::string> other = user;
  other.push_back("--groups=daemon");
  CHECK_THAT(ask_health(daemon, member), ContainsSubstring("healthy"));
  CHECK(ask_health(daemon, other).empty());  // The directory is not theirs.
}
