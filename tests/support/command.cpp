// SPDX-License-Identifier: Apache-2.0
#include "tests/support/command.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "protocol/error.h"

namespace tantalus::test {
namespace {

constexpr std::chrono::seconds longest(60);

struct Pipe {
  Pipe() { check(::pipe2(ends.data(), O_CLOEXEC) == 0, "no pipe"); }
  std::array<int, 2> ends{-1, -1};
};

[[noreturn]] void become(const Command& command, int in, int out, int err) {
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  if (command.user) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(*command.user, *command.user, *command.user) != 0 ||
        ::setresuid(*command.user, *command.user, *command.user) != 0) {
      ::_exit(126);
    }
  }
  for (const auto& [name, value] : command.environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<char*> words;
  for (const std::string& word : command.words) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

/// False: the end of it.
bool take(int fd, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return got > 0;
}

}  // namespace

Finished run(const Command& command) {
  const Pipe in;
  const Pipe out;
  const Pipe err;
  const pid_t child = ::fork();
  check(child >= 0, "no process");
  if (child == 0) {
    become(command, in.ends[0], out.ends[1], err.ends[1]);
  }
  ::close(in.ends[0]);
  ::close(out.ends[1]);
  ::close(err.ends[1]);
  static_cast<void>(::write(in.ends[1], command.input.data(), command.input.size()));
  ::close(in.ends[1]);

  Finished finished;
  std::array<pollfd, 2> waiting{pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
  const auto until = std::chrono::steady_clock::now() + longest;
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    ::poll(waiting.data(), waiting.size(), 1000);
    for (pollfd& one : waiting) {
      if (one.fd >= 0 && one.revents != 0 && !take(one.fd, &one == &waiting[0] ? finished.out : finished.err)) {
        one.fd = -1;
      }
    }
    if (std::chrono::steady_clock::now() > until) {
      ::kill(child, SIGKILL);
      break;
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(out.ends[0]);
  ::close(err.ends[0]);
  finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return finished;
}

}  // namespace tantalus::test
