// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "agent/identity/peer.h"
#include "protocol/error.h"
#include "tests/support/temp_dir.h"

namespace tantalus::test {

/// A listening socket of the test's own.
class ListeningSocket {
 public:
  ListeningSocket() : path_(folder_ / "socket") {
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = this->address();
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
    check(::listen(socket_.get(), 64) == 0, "listen");
    check(::chmod(folder_.path().c_str(), 0755) == 0 && ::chmod(path_.c_str(), 0666) == 0, "chmod");
  }
  [[nodiscard]] UniqueFd accept() const { return UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  /// In a child: without an allocation.
  [[nodiscard]] int connect() const noexcept {
    const int connected = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = this->address();
    return ::connect(connected, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? connected : -1;
  }

 private:
  [[nodiscard]] sockaddr_un address() const noexcept {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  TempDir folder_;
  std::string path_;
  UniqueFd socket_;
};

/// A forked process that runs `body()`, which may not return before the test has seen it: by then it is killed.
class Workload {
 public:
  template <class Body>
  explicit Workload(Body body) : pid_(::fork()) {
    if (pid_ == 0) {
      for (int number = 1; number < NSIG; ++number) {
        ::signal(number, SIG_DFL);
      }
      body();
      ::_exit(0);
    }
    check(pid_ > 0, "fork");
  }
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  ~Workload() { kill_and_reap(); }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void kill() const noexcept {
    if (pid_ > 0) {  // 0 would be our own group.
      ::kill(pid_, SIGKILL);
    }
  }
  /// Waits for its end, and leaves it a zombie.
  void wait_for_end() const noexcept {
    siginfo_t about{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOWAIT);
  }
  void reap() noexcept {
    if (pid_ > 0) {
      ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
  }
  void kill_and_reap() noexcept {
    if (pid_ > 0) {
      kill();
      reap();
    }
  }

 private:
  pid_t pid_;
};

/// In a child: sleeps until it is killed.
[[noreturn]] inline void stay() noexcept {
  while (true) {
    ::pause();
  }
}

}  // namespace tantalus::test
