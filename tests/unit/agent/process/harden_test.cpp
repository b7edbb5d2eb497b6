// SPDX-License-Identifier: Apache-2.0
#include "agent/process/harden.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

using namespace tantalus;
using test::in_child;
using test::say;
using test::TempDir;

namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

const HardeningStep* find(const std::vector<HardeningStep>& steps, std::string_view name) {
  for (const HardeningStep& step : steps) {
    if (step.step == name) {
      return &step;
    }
  }
  return nullptr;
}

/// Hardens, or ends the child with 100 and the reason.
void harden_or_exit(int out, const HardenPlan& plan = {}) {
  for (const HardeningStep& step : harden(plan)) {
    if (!step.in_force && step.step != "own_user") {
      say(out, std::string(step.step) + ": " + step.why);
      ::_exit(100);
    }
  }
}

/// What a call answered: 0 or its errno.
int errno_of(long result) {
  return result < 0 ? errno : 0;
}

}  // namespace

TEST_CASE("core dumps are forbidden and the process is not dumpable", "[promise-5][trap-61]") {
  const auto ended = in_child([](int out) {
    const auto steps = forbid_dumps();
    if (!steps) {
      say(out, steps.error().message);
      return 1;
    }
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    const bool all = core.rlim_cur == 0 && core.rlim_max == 0 && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    return all && steps->size() == 2 && (*steps)[0].in_force && (*steps)[1].in_force ? 0 : 2;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
}

TEST_CASE("under a sanitizer what can't be in force says so", "[promise-12]") {
  if (!sanitized) {
    SKIP("built without one");
  }
  const auto ended = in_child([](int) {
    const auto steps = harden({});
    const HardeningStep* const seccomp = find(steps, "seccomp");
    return seccomp != nullptr && !seccomp->in_force && seccomp->why.find("sanitizer") != std::string::npos ? 0 : 1;
  });
  CHECK(ended.exited_with(0));
}

TEST_CASE("every step is in force here and has a name", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) {
    for (const HardeningStep& step : harden({})) {
      say(out, std::string(step.step) + (step.in_force ? "+ " : "- ") + step.why + "\n");
    }
    return 0;
  });
  CHECK(ended.exited_with(0));
  for (const char* const step : {"no_new_privs+", "capabilities+ none kept", "landlock+ ABI", "seccomp+"}) {
    CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring(step));
  }
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring(::geteuid() == 0 ? "own_user-" : "own_user+"));
}

TEST_CASE("what only an intruder would call kills the process", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto call = GENERATE(as<long>(), SYS_execve, SYS_ptrace, SYS_process_vm_readv, SYS_unshare, SYS_bpf, SYS_setuid,
                             SYS_pidfd_getfd, SYS_io_uring_setup, SYS_mount, SYS_memfd_create);
  const auto ended = in_child([call](int out) {
    harden_or_exit(out);
    ::syscall(call, 0L, 0L, 0L, 0L, 0L);
    return 0;
  });
  INFO("system call " << call << ": " << ended.said);
  CHECK(ended.killed_by(SIGSYS));
}

TEST_CASE("what the agent does not need fails as on an older kernel", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) {
    harden_or_exit(out);
    int wrong = 0;
    const auto expect_refused = [&](const char* what, long result) {
      if (errno_of(result) != ENOSYS) {
        say(out, std::string(what) + " " + std::to_string(errno_of(result)) + "; ");
        ++wrong;
      }
    };
    expect_refused("inet socket", ::socket(AF_INET, SOCK_STREAM, 0));
    expect_refused("packet socket", ::socket(AF_PACKET, SOCK_RAW, 0));
    expect_refused("clone3", ::syscall(SYS_clone3, nullptr, 0L));
    expect_refused("a process", ::syscall(SYS_clone, long{SIGCHLD}, 0L, 0L, 0L, 0L));
    expect_refused("kill", ::kill(::getppid(), 0));
    expect_refused("listen", ::listen(out, 1));
    expect_refused("chown", ::chown("/tmp", 0, 0));
    expect_refused("a limit", ::syscall(SYS_prlimit64, 0L, long{RLIMIT_CORE}, reinterpret_cast<long>(&out), 0L));
    expect_refused("dumpable again", ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    void* const both = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect_refused("writable code", both == MAP_FAILED ? -1 : 0);
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
      return 50;
    }
    expect_refused("data made code", ::mprotect(page, 4096, PROT_READ | PROT_EXEC));
    return wrong;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
}

TEST_CASE("what the agent needs still works", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const TempDir dir;
  const auto ended = in_child([&dir](int out) {
    HardenPlan plan;
    plan.writable = {dir.path()};
    harden_or_exit(out, plan);
    std::atomic<int> ran = 0;
    std::thread([&ran] { ran = 1; }).join();  // Helper threads of the loop.
    const std::string file = dir / "audit.jsonl";
    const int audit = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    const bool written =
        audit >= 0 && ::write(audit, "x\n", 2) == 2 && ::fsync(audit) == 0 && ::ftruncate(audit, 1) == 0;
    const bool rotated = ::rename(file.c_str(), (file + ".1").c_str()) == 0 && ::unlink((file + ".1").c_str()) == 0;
    const int proc = ::open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    char byte = 0;
    const bool read = proc >= 0 && ::read(proc, &byte, 1) == 1;
    say(out, "ran " + std::to_string(ran) + " written " + std::to_string(written) + " rotated " +
                 std::to_string(rotated) + " read " + std::to_string(read));
    return ran == 1 && written && rotated && read ? 0 : 1;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
}

TEST_CASE("a broken invariant still aborts, with SIGABRT", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) -> int {
    harden_or_exit(out);
    std::abort();
  });
  CHECK(ended.killed_by(SIGABRT));
}

TEST_CASE("nothing is written outside the plan, whatever the user", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const TempDir inside;
  const TempDir outside;
  const TempDir sockets;
  const int made = ::open((outside / "there").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ::close(made);
  ::close(::open((sockets / "own").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const auto ended = in_child([&](int out) {
    HardenPlan plan;
    plan.writable = {inside.path()};
    plan.sockets = {sockets.path()};
    harden_or_exit(out, plan);
    const auto try_to = [](const std::string& path, int flags) { return errno_of(::open(path.c_str(), flags, 0600)); };
    const int results[] = {
        try_to(inside / "new", O_WRONLY | O_CREAT),    try_to(outside / "new", O_WRONLY | O_CREAT),
        try_to(outside / "there", O_WRONLY),           try_to(outside / "there", O_RDONLY),
        try_to(sockets / "new", O_WRONLY | O_CREAT),   errno_of(::unlink((outside / "there").c_str())),
        errno_of(::unlink((sockets / "own").c_str())),
    };
    for (const int result : results) {
      say(out, std::to_string(result) + " ");
    }
    return 0;
  });
  CHECK(ended.said == "0 13 13 0 13 13 0 ");
}

TEST_CASE("other processes' links in /proc are out of reach", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const pid_t test_process = ::getpid();
  const auto ended = in_child([test_process](int out) {
    harden_or_exit(out);
    const std::string of = "/proc/" + std::to_string(test_process);
    std::array<char, 64> target{};
    const int status = ::open((of + "/cgroup").c_str(), O_RDONLY | O_CLOEXEC);
    const int memory = ::open((of + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    return status >= 0 && memory < 0 && ::readlink((of + "/root").c_str(), target.data(), target.size()) < 0 ? 0 : 1;
  });
  CHECK(ended.exited_with(0));
}

TEST_CASE("no capability is left, in any set", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) {
    harden_or_exit(out);
    const int status = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    std::array<char, 8192> text{};
    const ssize_t size = ::read(status, text.data(), text.size());
    say(out, std::string(text.data(), static_cast<std::size_t>(size)));
    return 0;
  });
  for (const char* const set : {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"}) {
    CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring(std::string(set) + "\t0000000000000000"));
  }
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring("NoNewPrivs:\t1"));
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring("Seccomp:\t2"));
}

TEST_CASE("threads that were there before are said to be unbound by Landlock, and the filter covers them",
          "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) {
    std::atomic<int> stage = 0;
    std::atomic<int> answer = 0;
    std::thread before([&] {
      while (stage == 0) {
        std::this_thread::yield();
      }
      answer = errno_of(::socket(AF_INET, SOCK_STREAM, 0));
    });
    const auto steps = harden({});
    stage = 1;
    before.join();
    const HardeningStep* const landlock = find(steps, "landlock");
    const HardeningStep* const seccomp = find(steps, "seccomp");
    say(out, landlock->why);
    return !landlock->in_force && seccomp->in_force && answer == ENOSYS ? 0 : 1;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring("1 threads"));
}

TEST_CASE("a directory of the plan that is missing is named, and Landlock is not in force", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) {
    HardenPlan plan;
    plan.writable = {"/no/such/folder"};
    const auto steps = harden(plan);
    const HardeningStep* const landlock = find(steps, "landlock");
    say(out, landlock->why);
    return landlock->in_force ? 1 : 0;
  });
  CHECK(ended.exited_with(0));
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring("/no/such/folder"));
}

TEST_CASE("with a network in the plan backends can be reached, and still nothing can listen", "[promise-12]") {
  if (sanitized) {
    SKIP("a sanitizer needs what hardening takes");
  }
  const auto ended = in_child([](int out) {
    HardenPlan plan;
    plan.network = true;
    harden_or_exit(out, plan);
    const int tcp = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return tcp >= 0 && errno_of(::listen(tcp, 1)) == ENOSYS && errno_of(::socket(AF_PACKET, SOCK_RAW, 0)) == ENOSYS ? 0
                                                                                                                    : 1;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
}
