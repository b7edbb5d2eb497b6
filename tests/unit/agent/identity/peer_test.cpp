// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "agent/identity/proc.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/identity_maker.h"
#include "tests/support/workload.h"

namespace tantalus {
namespace {

using test::ListeningSocket;
using test::SocketPair;
using test::Workload;

PeerRung each_rung() {
  return GENERATE(PeerRung::pidfd_ioctl, PeerRung::pidfd, PeerRung::weak);
}

bool is_root() {
  return ::geteuid() == 0;
}

std::size_t open_descriptors() {
  std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::string own_cgroups() {
  return proc::read_text(AT_FDCWD, "/proc/self/cgroup").value_or("");
}

/// Sets the number that the next process gets; false where it is not permitted.
bool choose_next_pid(pid_t pid) {
  std::ofstream last("/proc/sys/kernel/ns_last_pid");
  last << pid - 1 << std::flush;
  return static_cast<bool>(last);
}

/// Runs `body()` as the first process of a pid namespace, with its /proc.
template <class Body>
test::Ended in_own_pid_namespace(Body body) {
  return test::in_child([&](int) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
      return 100;
    }
    const test::Ended ended = test::in_child([&](int) {
      const bool has_proc = ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                            ::mount("proc", "/proc", "proc", 0, nullptr) == 0;
      return has_proc ? body() : 101;
    });
    return WIFEXITED(ended.status) ? WEXITSTATUS(ended.status) : 102;
  });
}

}  // namespace

TEST_CASE("a peer has the facts of the process that connected, on every rung", "[promise-2]") {
  const PeerRung best = each_rung();
  const ListeningSocket listening;
  const Workload workload([&] {
    if (is_root() && (::setgid(1234) != 0 || ::setuid(1235) != 0)) {
      ::_exit(1);
    }
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const Result<Peer> peer = Peer::take(socket.get(), best);
  REQUIRE(peer);
  CHECK(peer->rung() >= best);
  CHECK((best == PeerRung::weak) == (peer->rung() == PeerRung::weak));
  CHECK(peer->pid() == workload.pid());
  CHECK(peer->uid() == (is_root() ? 1235 : ::getuid()));
  CHECK(peer->gid() == (is_root() ? 1234 : ::getgid()));
  CHECK(peer->cgroups() == own_cgroups());
  CHECK_FALSE(peer->in_nested_pid_namespace());
  CHECK(peer->is_alive());
  if (is_root()) {
    CHECK(peer->executable() == std::filesystem::read_symlink("/proc/self/exe").string());
  }
}

TEST_CASE("a peer that ended is not alive, a zombie neither", "[promise-2][trap-9]") {
  const PeerRung best = each_rung();
  const ListeningSocket listening;
  Workload workload([&] {
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const Result<Peer> peer = Peer::take(socket.get(), best);
  REQUIRE(peer);
  REQUIRE(peer->is_alive());
  workload.kill();
  workload.wait_for_end();
  CHECK_FALSE(peer->is_alive());
  CHECK(peer->executable().empty());
  workload.reap();
  CHECK_FALSE(peer->is_alive());
}

TEST_CASE("a connection whose process ended before accept is refused, whoever holds its descriptor",
          "[promise-2][trap-9][trap-10]") {
  const PeerRung best = each_rung();
  const ListeningSocket listening;
  std::array<int, 2> held{};
  REQUIRE(::pipe2(held.data(), O_CLOEXEC) == 0);
  Workload workload([&] {
    (void)listening.connect();
    if (::fork() == 0) {
      ::close(held[1]);
      char wait = 0;
      (void)!::read(held[0], &wait, 1);  // The grandchild keeps the connection until the test ends.
    }
  });
  const UniqueFd socket = listening.accept();
  workload.wait_for_end();
  SECTION("as a zombie") {}
  SECTION("and was reaped") {
    workload.reap();
  }
  const Result<Peer> peer = Peer::take(socket.get(), best);
  REQUIRE_FALSE(peer);
  CHECK(peer.error().code == Code::unauthenticated);
  CHECK_THAT(peer.error().message, Catch::Matchers::ContainsSubstring("gone"));
  ::close(held[0]);
  ::close(held[1]);
}

TEST_CASE("a recycled pid is never taken for the caller", "[promise-2][trap-9][trap-10]") {
  if (!is_root()) {
    SKIP("needs root to choose a pid");
  }
  const PeerRung best = each_rung();
  const bool is_after_accept = GENERATE(true, false);
  // In a pid namespace of its own, where nobody else takes the number.
  const test::Ended ended = in_own_pid_namespace([&] {
    const ListeningSocket listening;
    Workload first([&] {
      (void)listening.connect();
      test::stay();
    });
    const pid_t number = first.pid();
    const UniqueFd socket = listening.accept();
    std::optional<Result<Peer>> peer;
    if (is_after_accept) {
      peer.emplace(Peer::take(socket.get(), best));
      if (!peer->has_value() || !(*peer)->is_alive()) {
        return 2;
      }
    }
    first.kill_and_reap();
    if (!choose_next_pid(number)) {
      return 3;
    }
    const Workload second([] {
      (void)!::setgid(4321);
      (void)!::setuid(4321);
      ::kill(::getpid(), SIGSTOP);
      test::stay();
    });
    ::waitpid(second.pid(), nullptr, WUNTRACED);  // By now it has ids of its own.
    if (second.pid() != number) {
      return 4;
    }
    if (is_after_accept) {
      return (*peer)->is_alive() || !(*peer)->executable().empty() ? 5 : 0;
    }
    // The weak rung can't see more than that the ids are others.
    const Result<Peer> late = Peer::take(socket.get(), best);
    return late || late.error().code != Code::unauthenticated ? 6 : 0;
  });
  INFO(ended.status);
  CHECK(ended.exited_with(0));
}

TEST_CASE("a process's name can't forge its start time or state", "[trap-11]") {
  const ListeningSocket listening;
  const Workload workload([&] {
    ::prctl(PR_SET_NAME, "a) Z 1 (");
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const Result<Peer> peer = Peer::take(socket.get(), PeerRung::weak);
  REQUIRE(peer);
  CHECK(peer->is_alive());
}

TEST_CASE("stat is parsed from its last parenthesis", "[trap-11]") {
  const std::string rest = " S 1 2 3 4 5 4194560 7 8 9 10 11 12 13 14 15 16 17 0 123456 99 99\n";
  for (const char* name : {"bash", "a) S 1 (", ")))", "", "x\n(y) Z 0"}) {
    const std::optional<proc::Stat> stat = proc::parse_stat("77 (" + std::string(name) + ")" + rest);
    REQUIRE(stat);
    CHECK(stat->state == 'S');
    CHECK(stat->flags == 4194560);
    CHECK(stat->threads == 17);
    CHECK(stat->start_time == 123456);
    CHECK_FALSE(stat->has_ended());
  }
  CHECK_FALSE(proc::parse_stat(""));
  CHECK_FALSE(proc::parse_stat("77 (bash"));
  CHECK_FALSE(proc::parse_stat("77 (bash) S 1 2"));
  CHECK_FALSE(proc::parse_stat("77 (bash) SS" + rest.substr(2)));
}

TEST_CASE("status tells ids and the depth of pid namespaces") {
  const proc::Status status =
      proc::parse_status("Name:\tx\nPid:\t12\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nNSpid:\t12\t7\t1\nNSsid:\t1\n");
  CHECK(status.pid == 12);
  CHECK(status.effective_uid == 2U);
  CHECK(status.effective_gid == 6U);
  CHECK(status.pid_namespaces == 3);
  const proc::Status gone = proc::parse_status("pos:\t0\nPid:\t-1\nNSpid:\t-1\n");
  CHECK(gone.pid == -1);
  CHECK(proc::parse_status("").pid_namespaces == 0);
  CHECK_FALSE(proc::parse_status("Uid:\t1\tx\n").effective_uid);
}

TEST_CASE("a caller that is not dumpable is attested; its uid is the socket's", "[promise-2][trap-12]") {
  if (!is_root()) {
    SKIP("needs root to have callers of other uids");
  }
  const PeerRung best = each_rung();
  const ListeningSocket listening;
  const Workload workload([&] {
    if (::setgid(1001) != 0 || ::setuid(1001) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0) {
      ::_exit(1);
    }
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  struct stat about{};
  REQUIRE(::stat(("/proc/" + std::to_string(workload.pid()) + "/status").c_str(), &about) == 0);
  REQUIRE(about.st_uid == 0);  // What must not be taken for its uid.

  SECTION("by root") {
    const Result<Peer> peer = Peer::take(socket.get(), best);
    REQUIRE(peer);
    CHECK(peer->uid() == 1001);
  }
  SECTION("by an agent that may not trace it") {
    const test::Ended ended = test::in_child([&](int out) {
      if (::setgid(1002) != 0 || ::setuid(1002) != 0) {
        return 2;
      }
      const Result<Peer> peer = Peer::take(socket.get(), best);
      test::say(out, peer ? "" : peer.error().message);
      return peer && peer->uid() == 1001 && !peer->in_nested_pid_namespace() && peer->is_alive() &&
                     peer->executable().empty()
                 ? 0
                 : 1;
    });
    INFO(ended.said);
    CHECK(ended.exited_with(0));
  }
}

TEST_CASE("a peer in a pid namespace below ours is told", "[promise-3][trap-135]") {
  if (!is_root()) {
    SKIP("needs root to make a pid namespace");
  }
  const PeerRung best = each_rung();
  const uid_t agent = GENERATE(0U, 1002U);  // Who may look at namespaces, and who may not.
  const ListeningSocket listening;
  const Workload workload([&] {
    if (::unshare(CLONE_NEWPID) != 0) {
      ::_exit(1);
    }
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      (void)listening.connect();
      test::stay();
    }
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const test::Ended ended = test::in_child([&](int out) {
    if (::setgid(agent) != 0 || ::setuid(agent) != 0) {
      return 2;
    }
    const Result<Peer> peer = Peer::take(socket.get(), best);
    test::say(out, peer ? "" : peer.error().message);
    return peer && peer->in_nested_pid_namespace() ? 0 : 1;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
}

TEST_CASE("a peer outside the agent's pid namespace is refused, with what to do", "[promise-2][trap-8]") {
  if (!is_root()) {
    SKIP("needs root to make a pid namespace");
  }
  const PeerRung best = each_rung();
  const ListeningSocket listening;
  const Workload workload([&] {
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const SocketPair own;
  const test::Ended ended = test::in_child([&](int out) {
    if (::unshare(CLONE_NEWPID) != 0) {
      return 1;
    }
    return test::in_child([&](int) {
             const Result<Peer> outside = Peer::take(socket.get(), best);
             // Its own pid is told, but /proc is of another namespace.
             const SocketPair pair;
             const Result<Peer> self = Peer::take(pair.ours.get(), best);
             test::say(out,
                       (outside ? "taken" : outside.error().message) + "|" + (self ? "taken" : self.error().message));
             return 0;
           }).exited_with(0)
               ? 0
               : 1;
  });
  CHECK(ended.exited_with(0));
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring("hostPID: true|"));
  CHECK_THAT(ended.said, Catch::Matchers::ContainsSubstring("|/proc does not show the agent's own pid namespace"));
}

TEST_CASE("a process whose main thread has ended is not taken for one at the root of its cgroups",
          "[promise-3][trap-135]") {
  const PeerRung best = each_rung();
  const ListeningSocket listening;
  std::array<int, 2> ready{};
  REQUIRE(::pipe2(ready.data(), O_CLOEXEC) == 0);
  static const ListeningSocket* target = nullptr;
  static int signal_to = -1;
  target = &listening;
  signal_to = ready[1];
  const Workload workload([&] {
    pthread_t thread{};
    const auto run = [](void*) -> void* {
      const std::string path = "/proc/" + std::to_string(::getpid()) + "/stat";
      while (true) {
        const std::optional<std::string> text = proc::read_text(AT_FDCWD, path.c_str());
        if (text && proc::parse_stat(*text)->state == 'Z') {
          break;
        }
        ::sched_yield();
      }
      (void)target->connect();
      (void)!::write(signal_to, "x", 1);
      test::stay();
    };
    if (::pthread_create(&thread, nullptr, run, nullptr) != 0) {
      ::_exit(1);
    }
    ::syscall(SYS_exit, 0);  // Of this thread alone; pthread_exit(3) would unwind the test.
  });
  const UniqueFd socket = listening.accept();
  char wait = 0;
  REQUIRE(::read(ready[0], &wait, 1) == 1);
  const Result<Peer> peer = Peer::take(socket.get(), best);
  if (peer) {  // Version 2 alone: its path stays what it was.
    CHECK(peer->cgroups() == own_cgroups());
    CHECK(peer->is_alive());
  } else {
    CHECK_THAT(peer.error().message, Catch::Matchers::ContainsSubstring("main thread has ended"));
  }
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("ten thousand peers leave no descriptor behind", "[trap-18]") {
  const SocketPair pair;
  REQUIRE(Peer::take(pair.ours.get()));
  const ListeningSocket listening;
  Workload gone([&] { (void)listening.connect(); });
  const UniqueFd refused = listening.accept();
  gone.wait_for_end();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 10'000; ++i) {
    const auto best = static_cast<PeerRung>(i % 3);
    const Result<Peer> peer = Peer::take(pair.ours.get(), best);
    REQUIRE(peer);
    REQUIRE_FALSE(Peer::take(refused.get(), best));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("without a free descriptor a peer is refused as overload, not as an impostor", "[trap-18][trap-25]") {
  const PeerRung best = each_rung();
  const test::Ended ended = test::in_child([&](int out) {
    const SocketPair pair;
    if (!Peer::take(pair.ours.get(), best)) {
      return 2;
    }
    const int next = ::dup(0);
    ::close(next);
    const rlimit limit{static_cast<rlim_t>(next), static_cast<rlim_t>(next)};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const Result<Peer> peer = Peer::take(pair.ours.get(), best);
    test::say(out, peer ? "taken" : std::string(to_text(peer.error().code)));
    return 0;
  });
  CHECK(ended.said == "overloaded");
}

TEST_CASE("a descriptor that is no connected socket is refused") {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(Peer::take(file.get()));
  CHECK_FALSE(Peer::take(-1));
  const UniqueFd unconnected(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK_FALSE(Peer::take(unconnected.get()));
}

TEST_CASE("texts of /proc are read whole, and refused beyond a bound") {
  const test::TempDir folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
                                 std::size_t{8192}, proc::max_text - 1}) {
    std::ofstream(folder / "text") << std::string(size, 'x');
    const std::optional<std::string> text = proc::read_text(AT_FDCWD, (folder / "text").c_str());
    REQUIRE(text);
    CHECK(text->size() == size);
  }
  std::ofstream(folder / "text") << std::string(proc::max_text + 1, 'x');
  CHECK_FALSE(proc::read_text(AT_FDCWD, (folder / "text").c_str()));
  CHECK_FALSE(proc::read_text(AT_FDCWD, (folder / "missing").c_str()));
}

}  // namespace tantalus
