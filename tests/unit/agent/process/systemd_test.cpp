// SPDX-License-Identifier: Apache-2.0
#include "agent/process/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "agent/loop/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

using namespace tantalus;
using test::in_child;
using test::say;
using test::TempDir;

namespace {

void set(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 1);
}

/// A manager's end: a datagram socket under a path, or an abstract name that begins with '@'.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + name.size();
    if (name[0] == '@') {
      address.sun_path[0] = '\0';
    } else {
      ++size;
    }
    REQUIRE(fd_ >= 0);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::close(fd_); }
  [[nodiscard]] std::string hear() const {
    char buffer[512];
    const ssize_t size = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  int fd_;
};

/// In a child whose descriptors from 3 on are `fds`, as systemd leaves them: says what was taken, or why not.
std::string take_with(const std::vector<int>& fds, const std::string& names, const std::string& count = "",
                      const std::string& pid = "") {
  return in_child([&](int out) {
           std::vector<int> high;
           const int said = ::fcntl(out, F_DUPFD, 200);
           for (const int fd : fds) {
             high.push_back(::fcntl(fd, F_DUPFD, 100));
           }
           for (std::size_t i = 0; i < high.size(); ++i) {
             ::dup2(high[i], 3 + static_cast<int>(i));
           }
           set("LISTEN_PID", pid.empty() ? std::to_string(::getpid()) : pid);
           set("LISTEN_FDS", count.empty() ? std::to_string(fds.size()) : count);
           set("LISTEN_FDNAMES", names);
           const auto sockets = take_inherited_sockets();
           if (!sockets) {
             say(said, "refused: " + sockets.error().message);
             return 0;
           }
           for (const InheritedSocket& socket : *sockets) {
             const bool flags =
                 (::fcntl(socket.fd, F_GETFD) & FD_CLOEXEC) != 0 && (::fcntl(socket.fd, F_GETFL) & O_NONBLOCK) != 0;
             say(said, socket.name + "=" + std::to_string(socket.fd) + (flags ? " " : "! "));
           }
           if (::getenv("LISTEN_PID") != nullptr || ::getenv("LISTEN_FDS") != nullptr ||
               ::getenv("LISTEN_FDNAMES") != nullptr) {
             say(said, "variables left");
           }
           return 0;
         })
      .said;
}

int listening(const TempDir& dir, const std::string& name) {
  const auto bound = bind_unix_socket(dir / name, 0600);
  REQUIRE(bound);
  const int flags = ::fcntl(bound->fd, F_GETFL);
  REQUIRE(::fcntl(bound->fd, F_SETFL, flags & ~O_NONBLOCK) == 0);  // As systemd leaves them.
  return bound->fd;
}

}  // namespace

TEST_CASE("sockets that systemd passes are taken by their names, once", "[trap-36]") {
  const TempDir dir;
  const int a = listening(dir, "a");
  const int b = listening(dir, "b");
  CHECK(take_with({a, b}, "debug:resolve") == "debug=3 resolve=4 ");
  CHECK(take_with({a}, "") == "resolve=3 ");
  CHECK(take_with({a}, "tantalusd.socket") == "resolve=3 ");
  CHECK(take_with({a}, "debug") == "debug=3 ");
  ::close(a);
  ::close(b);
}

TEST_CASE("sockets passed to another process are not ours", "[trap-36]") {
  const TempDir dir;
  const int a = listening(dir, "a");
  CHECK(take_with({a}, "resolve", "", "1").empty());
  CHECK(take_with({a}, "resolve", "", "notanumber").empty());
  ::close(a);
}

TEST_CASE("what is not a listening Unix stream socket is refused", "[trap-36]") {
  const TempDir dir;
  const int a = listening(dir, "a");
  const int deaf = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int datagram = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int tcp = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(tcp >= 0);
  REQUIRE(::listen(tcp, 1) == 0);
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (const int wrong : {deaf, datagram, tcp, file}) {
    CHECK_THAT(take_with({wrong}, "resolve"), Catch::Matchers::ContainsSubstring("not a listening Unix stream socket"));
    ::close(wrong);
  }
  CHECK_THAT(take_with({a}, "other"), Catch::Matchers::ContainsSubstring("FileDescriptorName="));
  CHECK_THAT(take_with({a, a}, "debug:debug"), Catch::Matchers::ContainsSubstring("a second one"));
  CHECK_THAT(take_with({a, a}, "debug"), Catch::Matchers::ContainsSubstring("1 names for 2 sockets"));
  for (const char* const count : {"4", "-1", "99999999999999999999", "two"}) {
    CHECK_THAT(take_with({a}, "resolve", count), Catch::Matchers::ContainsSubstring("LISTEN_FDS="));
  }
  ::close(a);
}

TEST_CASE("a hole where a socket should be is refused", "[trap-36]") {
  CHECK_THAT(in_child([](int out) {
               const int said = ::fcntl(out, F_DUPFD, 200);
               ::close(3);
               set("LISTEN_PID", std::to_string(::getpid()));
               set("LISTEN_FDS", "1");
               const auto sockets = take_inherited_sockets();
               say(said, sockets ? "taken" : sockets.error().message);
               return 0;
             }).said,
             Catch::Matchers::ContainsSubstring("not a listening"));
}

TEST_CASE("without systemd nothing is taken and nothing is said") {
  const auto ended = in_child([](int) {
    for (const char* const name : {"LISTEN_PID", "LISTEN_FDS", "NOTIFY_SOCKET", "WATCHDOG_USEC"}) {
      ::unsetenv(name);
    }
    const auto sockets = take_inherited_sockets();
    const auto notifier = Notifier::from_environment();
    if (!sockets || !notifier) {
      return 1;
    }
    notifier->ready("up");
    return sockets->empty() && !notifier->is_connected() && !notifier->watchdog_period() ? 0 : 2;
  });
  CHECK(ended.exited_with(0));
}

TEST_CASE("the manager hears each change of state, by path and by abstract name", "[trap-110][trap-112][trap-118]") {
  const TempDir dir;
  const std::string name = GENERATE(as<std::string>(), "path", "@tantalus-notify-test");
  const std::string address = name[0] == '@' ? name + std::to_string(::getpid()) : dir / name;
  const Manager manager(address);
  const auto ended = in_child([&](int) {
    set("NOTIFY_SOCKET", address);
    auto made = Notifier::from_environment();
    if (!made || ::getenv("NOTIFY_SOCKET") != nullptr) {
      return 1;
    }
    const Notifier notifier = std::move(*made);
    notifier.ready("serving\nMAINPID=1");
    notifier.reloading();
    notifier.status("degraded");
    notifier.feed_watchdog();
    notifier.stopping("draining");
    return 0;
  });
  REQUIRE(ended.exited_with(0));
  CHECK(manager.hear() == "READY=1\nSTATUS=serving MAINPID=1");
  const std::string reloading = manager.hear();
  CHECK(reloading.find("RELOADING=1\nMONOTONIC_USEC=") == 0);
  CHECK(std::stoull(reloading.substr(reloading.rfind('=') + 1)) > 0);
  CHECK(manager.hear() == "STATUS=degraded");
  CHECK(manager.hear() == "WATCHDOG=1");
  CHECK(manager.hear() == "STOPPING=1\nSTATUS=draining");
  CHECK(manager.hear() == "nothing");
}

TEST_CASE("a manager that bound its socket anew is found again") {
  const TempDir dir;
  const std::string address = dir / "notify";
  auto first = std::make_unique<Manager>(address);
  set("NOTIFY_SOCKET", address);
  const auto notifier = Notifier::from_environment();
  REQUIRE(notifier);
  notifier->status("one");
  CHECK(first->hear() == "STATUS=one");
  first.reset();
  REQUIRE(::unlink(address.c_str()) == 0);
  notifier->status("lost");
  const Manager second(address);
  notifier->status("two");
  CHECK(second.hear() == "STATUS=two");
}

TEST_CASE("a manager that does not read stops nobody", "[trap-118]") {
  const TempDir dir;
  const std::string address = dir / "notify";
  const Manager manager(address);
  set("NOTIFY_SOCKET", address);
  const auto notifier = Notifier::from_environment();
  REQUIRE(notifier);
  for (int i = 0; i < 100'000; ++i) {
    notifier->feed_watchdog();
  }
  const auto from = std::chrono::steady_clock::now();
  notifier->stopping("draining");  // Waits for room, briefly.
  CHECK(std::chrono::steady_clock::now() - from < std::chrono::milliseconds(800));
  CHECK(manager.hear() == "WATCHDOG=1");
}

TEST_CASE("the watchdog is fed at half its period, and another process's is not ours", "[trap-118]") {
  const TempDir dir;
  const Manager manager(dir / "notify");
  const auto period_with = [&](const std::string& usec, const std::string& pid) {
    set("NOTIFY_SOCKET", dir / "notify");
    set("WATCHDOG_USEC", usec);
    if (pid.empty()) {
      ::unsetenv("WATCHDOG_PID");
    } else {
      set("WATCHDOG_PID", pid);
    }
    const auto notifier = Notifier::from_environment();
    REQUIRE(notifier);
    CHECK(::getenv("WATCHDOG_USEC") == nullptr);
    CHECK(::getenv("WATCHDOG_PID") == nullptr);
    return notifier->watchdog_period() ? notifier->watchdog_period()->count() : -1;
  };
  CHECK(period_with("30000000", "") == 15'000);
  CHECK(period_with("30000000", std::to_string(::getpid())) == 15'000);
  CHECK(period_with("30000000", "1") == -1);
  CHECK(period_with("500", "") == 1);
  CHECK(period_with("0", "") == -1);
  CHECK(period_with("18446744073709551615", "") == 43'200'000);
  CHECK(period_with("soon", "") == -1);
}

TEST_CASE("a notify socket that can't be is refused, naming it") {
  for (const std::string& wrong : {std::string("relative"), std::string("@"), "/" + std::string(107, 'a')}) {
    set("NOTIFY_SOCKET", wrong);
    const auto notifier = Notifier::from_environment();
    REQUIRE_FALSE(notifier);
    CHECK(notifier.error().message.find("NOTIFY_SOCKET=" + wrong) == 0);
  }
}
