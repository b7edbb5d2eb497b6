// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

namespace tantalus::test {

/// How a child ended and what it wrote to the descriptor that it was given.
struct Ended {
  int status = 0;
  std::string said;
  [[nodiscard]] bool exited_with(int code) const noexcept { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
  [[nodiscard]] bool killed_by(int signal) const noexcept { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};

/// Runs `body(int out)` in a forked child and waits for it: what a process does to itself for good is tested on one
/// that ends. The child exits with what `body` returns.
template <class Body>
Ended in_child(Body body) {
  int ends[2] = {-1, -1};
  Ended ended;
  if (::pipe(ends) != 0) {
    ended.said = "no pipe";
    return ended;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    for (int number = 1; number < NSIG; ++number) {
      ::signal(number, SIG_DFL);  // The test framework's handlers would report the parent's test as failed.
    }
    try {
      ::_exit(body(ends[1]));
    } catch (const std::exception& error) {
      // Else the child would go on as a second test.
      std::fprintf(stderr, "a child of the test threw: %s\n", error.what());
      ::_exit(112);
    }
  }
  ::close(ends[1]);
  char buffer[4096];
  for (ssize_t got = ::read(ends[0], buffer, sizeof buffer); got > 0; got = ::read(ends[0], buffer, sizeof buffer)) {
    ended.said.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  ::waitpid(child, &ended.status, 0);
  return ended;
}

inline void say(int out, const std::string& text) {
  if (::write(out, text.data(), text.size()) < 0) {
    ::_exit(111);
  }
}

}  // namespace tantalus::test
