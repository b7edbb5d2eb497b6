// SPDX-License-Identifier: Apache-2.0
// Who may bind, what is inherited, and what happens when descriptors run short.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
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

ino_t inode_of(const std::string& path) {
  struct stat found{};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_ino;
}

/// By the kernel's list, as a connection would start the agent: a flag of 00010000 says that it listens.
bool is_listening(const std::string& path) {
  std::ifstream sockets("/proc/net/unix");
  for (std::string line; std::getline(sockets, line);) {
    if (line.ends_with(" " + path) && line.find(" 00010000 ") != std::string::npos) {
      return true;
    }
  }
  return false;
}

/// A listening socket as systemd makes it.
int listen_at(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd, 4096) == 0);
  return fd;
}

std::string resolve(const std::string& socket, const std::string& key, std::chrono::milliseconds within = 20s) {
  WireClient client(socket);
  client.send(test::resolve_request(1, key));
  const auto reply = client.receive(within);
  if (!reply) {
    return "no reply";
  }
  return reply->code() == "ok" ? reply->value() : reply->code();
}

double cpu_seconds_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string word;
  for (int field = 1; field < 14; ++field) {  // No blank in the name of this process.
    file >> word;
  }
  double user = 0;
  double system = 0;
  file >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

TEST_CASE("a second instance is refused and the first goes on", "[trap-21]") {
  Daemon first;
  first.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  REQUIRE(first.start());
  const ino_t before = inode_of(first.socket());
  // Its audit file is another: one file is one agent's, which would stop it as well.
  std::string config = Daemon::default_config();
  config.replace(config.find("audit/audit.jsonl"), 17, "audit/second.jsonl");
  first.write(first.dir() + "/second.yaml", config);
  const auto second = test::run({.words = {Daemon::program(), "--config", first.dir() + "/second.yaml"}});
  CHECK(second.exit_code == 71);
  CHECK_THAT(second.err, ContainsSubstring("in use"));
  CHECK_THAT(second.err, ContainsSubstring(first.socket()));
  CHECK(inode_of(first.socket()) == before);
  CHECK(resolve(first.socket(), "k") == "v");
}

TEST_CASE("a file where the socket should be is left as it is", "[trap-21]") {
  Daemon daemon;
  daemon.write(daemon.socket(), "somebody's data");
  CHECK_FALSE(daemon.start());
  CHECK(daemon.wait() == 71);
  CHECK_THAT(daemon.log(), ContainsSubstring(daemon.socket()));
  std::string content;
  std::getline(std::ifstream(daemon.socket()) >> std::ws, content);
  CHECK(content == "somebody's data");
}

TEST_CASE("an inherited socket keeps its inode over restarts, and callers between them are served",
          "[trap-36][trap-129][trap-131]") {
  const test::TempDir dir;
  const std::string path = dir / "resolve.sock";
  ::chmod(dir.path().c_str(), 0755);
  const int listener = listen_at(path);
  const ino_t before = inode_of(path);
  Daemon daemon({.inherited = {{"resolve", listener}}});
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  std::atomic<bool> is_over = false;
  std::atomic<int> served = 0;
  std::atomic<int> failed = 0;
  std::thread caller([&] {
    while (!is_over) {
      // A connection that the agent accepted and then closed in its drain is asked again, as our clients do.
      std::string got = resolve(path, "k");
      if (got == "no reply") {
        got = resolve(path, "k");
      }
      (got == "v" ? served : failed) += 1;
    }
  });
  for (int restart = 0; restart < 20; ++restart) {
    REQUIRE(daemon.start());
    const int from = served;
    REQUIRE(eventually([&] { return served > from; }));
    REQUIRE(daemon.stop() == 0);
    REQUIRE(inode_of(path) == before);
  }
  is_over = true;
  REQUIRE(daemon.start());  // For the caller's last request.
  caller.join();
  CHECK(failed == 0);
  CHECK(served >= 20);
  CHECK_FALSE(std::filesystem::exists(daemon.socket()));  // The configured path is not bound beside it.
  CHECK(daemon.stop() == 0);
  CHECK(inode_of(path) == before);
  ::close(listener);
}

TEST_CASE("both sockets can be inherited, whatever their order", "[trap-36]") {
  const test::TempDir dir;
  const int resolve_listener = listen_at(dir / "r.sock");
  const int debug_listener = listen_at(dir / "d.sock");
  Daemon daemon({.inherited = {{"debug", debug_listener}, {"resolve", resolve_listener}}});
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  REQUIRE(daemon.start());
  CHECK(resolve(dir / "r.sock", "k") == "v");
  const auto health = test::run({.words = {"curl", "-s", "--unix-socket", dir / "d.sock", "http://l/healthz"}});
  CHECK_THAT(health.out, ContainsSubstring("healthy"));
  CHECK(daemon.stop() == 0);
  CHECK(std::filesystem::exists(dir / "r.sock"));
  CHECK(std::filesystem::exists(dir / "d.sock"));
  ::close(resolve_listener);
  ::close(debug_listener);
}

TEST_CASE("what is inherited and can't be right is refused", "[trap-36]") {
  const test::TempDir dir;
  const int listener = listen_at(dir / "r.sock");
  Daemon daemon({.inherited = {{"other", listener}}});
  CHECK_FALSE(daemon.start());
  CHECK(daemon.wait() == 78);
  CHECK_THAT(daemon.log(), ContainsSubstring("FileDescriptorName="));
  ::close(listener);
}

TEST_CASE("systemd-socket-activate starts it with the first caller, who is answered", "[trap-36]") {
  if (test::run({.words = {"systemd-socket-activate", "--version"}}).exit_code != 0) {
    SKIP("no systemd-socket-activate");
  }
  Daemon daemon({.wrapper = {"systemd-socket-activate", "--listen=@DIR@/run/resolve.sock", "--fdname=resolve",
                             "--setenv=NOTIFY_SOCKET"}});
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  daemon.launch();
  REQUIRE(eventually([&] { return is_listening(daemon.socket()); }));
  CHECK(resolve(daemon.socket(), "k") == "v");
  CHECK(daemon.wait_until_ready());
  CHECK(daemon.stop() == 0);
  CHECK(std::filesystem::exists(daemon.socket()));
}

TEST_CASE("few descriptors: fewer connections, no spin, health goes on, and it recovers", "[trap-25][trap-26]") {
  Daemon daemon({.limits = {{RLIMIT_NOFILE, 400}}});
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  REQUIRE(daemon.start());
  CHECK_THAT(daemon.log(), ContainsSubstring("RLIMIT_NOFILE"));
  {
    std::vector<std::unique_ptr<WireClient>> held;
    std::size_t answered = 0;
    std::size_t overloaded = 0;
    for (int i = 0; i < 150; ++i) {
      held.push_back(std::make_unique<WireClient>(daemon.socket()));
      static_cast<void>(held.back()->try_send(test::resolve_request(1, "k")));
      const auto reply = held.back()->receive();
      answered += reply && reply->code() == "ok" ? 1 : 0;
      overloaded += reply && reply->code() == "overloaded" ? 1 : 0;
    }
    CHECK(answered >= 50);
    CHECK(answered <= 100);
    CHECK(overloaded >= 1);
    const Json status(daemon.http("/v1/status").second);
    CHECK(status.at("fds/limit") == "400");
    CHECK(status.size("fds/open") < 400);
    const double before = cpu_seconds_of(daemon.pid());
    std::this_thread::sleep_for(1s);
    CHECK(cpu_seconds_of(daemon.pid()) - before < 0.3);
    CHECK(daemon.http("/healthz").first == 200);
  }
  CHECK(eventually([&] { return resolve(daemon.socket(), "k") == "v"; }));
}

TEST_CASE("too few descriptors for anything stop the start, naming the limit", "[trap-25]") {
  Daemon daemon({.limits = {{RLIMIT_NOFILE, 100}}});
  CHECK_FALSE(daemon.start());
  CHECK(daemon.wait() == 71);
  CHECK_THAT(daemon.log(), ContainsSubstring("RLIMIT_NOFILE"));
  CHECK_THAT(daemon.log(), ContainsSubstring("LimitNOFILE="));
}

TEST_CASE("ten thousand connections leave as many descriptors as there were", "[trap-18]") {
  Daemon daemon;
  daemon.write_manifest("a.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  REQUIRE(daemon.start());
  static_cast<void>(resolve(daemon.socket(), "k"));
  const std::string before = Json(daemon.http("/v1/status").second).at("fds/open");
  for (int i = 0; i < 10'000; ++i) {
    const WireClient client(daemon.socket());
  }
  CHECK(eventually([&] { return Json(daemon.http("/v1/status").second).at("fds/open") == before; }));
  CHECK(Json(daemon.http("/v1/status").second).at("connections") == "0");
}

TEST_CASE("sockets have the modes of the contract", "[promise-10]") {
  Daemon daemon;
  REQUIRE(daemon.start());
  const auto mode_of = [](const std::string& path) {
    struct stat found{};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
  };
  CHECK(mode_of(daemon.socket()) == 0666);
  CHECK(mode_of(daemon.debug_socket()) == 0660);
  CHECK(mode_of(daemon.dir() + "/private") == 0700);
  CHECK(std::distance(std::filesystem::directory_iterator(daemon.dir() + "/run"), {}) == 1);
}
