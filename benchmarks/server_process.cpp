// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/server_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "benchmarks/unix_socket.h"

namespace tantalus::bench {
namespace {

constexpr int niceness = -5;  // Of systemd/tantalusd.service.

[[noreturn]] void become(const std::vector<std::string>& command, const std::string& log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  // As the unit runs the agent, and the echo alike; without root both stay where they are.
  (void)::setpriority(PRIO_PROCESS, 0, niceness);
  ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

}  // namespace

ServerProcess::ServerProcess(const std::vector<std::string>& command, std::string socket, const std::string& log)
    : socket_(std::move(socket)) {
  pid_ = ::fork();
  if (pid_ < 0) {
    give_up("fork");
  }
  if (pid_ == 0) {
    become(command, log);
  }
  await_socket(std::chrono::steady_clock::now() + std::chrono::seconds(20), log);
}

ServerProcess::~ServerProcess() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

void ServerProcess::await_socket(std::chrono::steady_clock::time_point deadline, const std::string& log) const {
  while (!try_connect(socket_).is_open()) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_ || std::chrono::steady_clock::now() > deadline) {
      std::fprintf(stderr, "bench: no server at %s; its output is in %s\n", socket_.c_str(), log.c_str());
      std::exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace tantalus::bench
