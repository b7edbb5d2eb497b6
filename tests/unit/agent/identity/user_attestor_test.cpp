// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/user_attestor.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agent/identity/proc.h"
#include "tests/support/catch.h"
#include "tests/support/identity_maker.h"
#include "tests/support/workload.h"

namespace tantalus {
namespace {

using test::ListeningSocket;
using test::Workload;

bool is_root() {
  return ::geteuid() == 0;
}

/// Directories of a real cgroup hierarchy, as a manager would make them.
class CgroupPath {
 public:
  explicit CgroupPath(const std::string& below) {
    for (const char* root : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      if (std::ifstream(std::string(root) + "/cgroup.procs")) {
        const std::string own = "tantalus-test-" + std::to_string(::getpid());
        std::filesystem::path path = root;
        for (const std::filesystem::path& part : std::filesystem::path(own + "/" + below)) {
          path /= part;
          if (::mkdir(path.c_str(), 0755) == 0) {
            made_.push_back(path);
          }
        }
        path_ = path;
        return;
      }
    }
  }
  CgroupPath(const CgroupPath&) = delete;
  CgroupPath& operator=(const CgroupPath&) = delete;
  ~CgroupPath() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
      ::rmdir(path->c_str());
    }
  }
  [[nodiscard]] bool take_in(pid_t pid) const {
    std::ofstream procs(path_ / "cgroup.procs");
    procs << pid << std::flush;
    return static_cast<bool>(procs);
  }

 private:
  std::vector<std::filesystem::path> made_;
  std::filesystem::path path_;
};

std::string refusal_of(const Verdict& verdict) {
  const Error* refusal = std::get_if<Error>(&verdict);
  return refusal == nullptr ? "not refused" : std::string(to_text(refusal->code)) + ": " + refusal->message;
}

}  // namespace

TEST_CASE("a host process is its uid", "[promise-2]") {
  const test::SocketPair pair;
  const Result<Peer> peer = Peer::take(pair.ours.get());
  REQUIRE(peer);
  const Verdict verdict = judge_host_user(*peer, overflow_uid());
  const IdentityFacts* facts = std::get_if<IdentityFacts>(&verdict);
  INFO(refusal_of(verdict));
  REQUIRE(facts != nullptr);
  CHECK(facts->attested_by == AttestorKind::user);
  CHECK(facts->uid == ::getuid());
  CHECK(facts->gid == ::getgid());
  CHECK(facts->pid == ::getpid());
  CHECK(facts->unit.empty());
  CHECK(facts->pod.empty());
}

TEST_CASE("a process in a container's cgroup is refused as a host user, root or not",
          "[promise-3][trap-17][trap-135]") {
  if (!is_root()) {
    SKIP("needs root to make cgroups");
  }
  const std::string id(64, 'b');
  const std::string below =
      GENERATE_COPY("kubepods/besteffort/pod2c48913c-b29f-11e7-9350-020968147796/" + id, "docker/" + id,
                    "machine.slice/libpod-" + id + ".scope", std::string("lxc/web"));
  const CgroupPath cgroup(below);
  const ListeningSocket listening;
  std::array<int, 2> go{};
  REQUIRE(::pipe2(go.data(), O_CLOEXEC) == 0);
  Workload workload([&] {
    char wait = 0;
    (void)!::read(go[0], &wait, 1);
    (void)listening.connect();
    test::stay();
  });
  const bool moved = cgroup.take_in(workload.pid());
  REQUIRE(::write(go[1], "x", 1) == 1);
  const UniqueFd socket = listening.accept();
  if (moved) {
    const Result<Peer> peer = Peer::take(socket.get());
    REQUIRE(peer);
    REQUIRE(peer->uid() == 0);  // Container root is the host's uid 0.
    const std::string refusal = refusal_of(judge_host_user(*peer, overflow_uid()));
    CHECK_THAT(refusal, Catch::Matchers::StartsWith("unauthenticated: the caller is in a container's cgroup"));
    // No attestor after this one is asked.
    std::vector<std::unique_ptr<Attestor>> attestors;
    attestors.push_back(make_user_attestor());
    IdentityFacts facts;
    auto next = std::make_unique<test::ScriptedAttestor>(AttestorKind::user, facts);
    const test::ScriptedAttestor& asked = *next;
    attestors.push_back(std::move(next));
    test::IdentityMaker maker{IdentityConfig{}};
    Attestation attestation(std::move(attestors), maker.rules({}), false);
    Cancel cancel;
    Task<Result<Identity>> asking = attestation.attest(*peer, cancel);
    asking.start();
    REQUIRE(asking.is_done());
    const Result<Identity> identity = asking.take();
    REQUIRE_FALSE(identity);
    CHECK(identity.error().code == Code::unauthenticated);
    CHECK(asked.asked == 0);
  }
  workload.kill_and_reap();
  ::close(go[0]);
  ::close(go[1]);
  if (!moved) {
    SKIP("no cgroup hierarchy can be written here");
  }
}

TEST_CASE("a process in a pid namespace of its own is refused as a host user", "[promise-3][trap-135]") {
  if (!is_root()) {
    SKIP("needs root to make a pid namespace");
  }
  const ListeningSocket listening;
  const Workload workload([&] {
    if (::unshare(CLONE_NEWPID) != 0 || ::fork() != 0) {
      test::stay();
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const Result<Peer> peer = Peer::take(socket.get());
  REQUIRE(peer);
  CHECK_THAT(refusal_of(judge_host_user(*peer, overflow_uid())), Catch::Matchers::ContainsSubstring("pid namespace"));
}

TEST_CASE("the overflow uid is nobody's", "[promise-2][promise-3]") {
  const uid_t overflow = overflow_uid();
  CHECK(std::to_string(overflow) + "\n" == proc::read_text(AT_FDCWD, "/proc/sys/kernel/overflowuid").value_or(""));
  const test::SocketPair pair;
  const Result<Peer> self = Peer::take(pair.ours.get());
  REQUIRE(self);
  CHECK_THAT(refusal_of(judge_host_user(*self, ::getuid())), Catch::Matchers::ContainsSubstring("overflow uid"));
  if (!is_root()) {
    SKIP("needs root to have a caller of the overflow uid");
  }
  const ListeningSocket listening;
  const Workload workload([&] {
    if (::setuid(overflow) != 0) {
      ::_exit(1);
    }
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const Result<Peer> peer = Peer::take(socket.get());
  REQUIRE(peer);
  CHECK_THAT(refusal_of(judge_host_user(*peer, overflow)), Catch::Matchers::ContainsSubstring("overflow uid"));
}

}  // namespace tantalus
