// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/operators.h"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/child.h"

using namespace tantalus;
using test::in_child;

namespace {

/// Whether a child that became `uid`, `gid` with `groups` is an operator to a gate with `group`. A socket pair has the
/// credentials of who made it.
bool is_admitted(std::optional<gid_t> group, uid_t uid, gid_t gid, const std::vector<gid_t>& groups) {
  const auto ended = in_child([&](int) {
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(gid, gid, gid) != 0 ||
        ::setresuid(uid, uid, uid) != 0) {
      return 3;
    }
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      return 4;
    }
    const OperatorGate gate(group);
    const auto who = gate.admit(pair[0]);
    if (who && who->uid != uid) {
      return 5;
    }
    return who ? 0 : 1;
  });
  REQUIRE((ended.exited_with(0) || ended.exited_with(1)));
  return ended.exited_with(0);
}

}  // namespace

TEST_CASE("an operator is root or of the group, and of the host or the agent's own container", "[promise-10]") {
  for (int bits = 0; bits < 32; ++bits) {
    OperatorFacts facts;
    facts.is_root = (bits & 1) != 0;
    facts.is_group_member = (bits & 2) != 0;
    facts.is_host_process = (bits & 4) != 0;
    facts.is_in_own_cgroup = (bits & 8) != 0;
    facts.is_in_nested_pid_namespace = (bits & 16) != 0;
    const bool has_rights = facts.is_root || facts.is_group_member;
    const bool is_near = facts.is_host_process || facts.is_in_own_cgroup;
    CHECK(is_operator(facts) == (has_rights && is_near && !facts.is_in_nested_pid_namespace));
  }
}

TEST_CASE("the kernel says who is root and who is of the group, by any of its groups", "[promise-10]") {
  if (::geteuid() != 0) {
    SKIP("becomes other users");
  }
  constexpr gid_t operators = 4711;
  CHECK(is_admitted(std::nullopt, 0, 0, {}));
  CHECK(is_admitted(operators, 0, 0, {}));
  CHECK_FALSE(is_admitted(std::nullopt, 1001, 1001, {}));
  CHECK_FALSE(is_admitted(operators, 1001, 1001, {4710, 4712}));
  CHECK(is_admitted(operators, 1001, 1001, {4710, operators, 4712}));
  CHECK(is_admitted(operators, 1001, operators, {}));
  CHECK_FALSE(is_admitted(std::nullopt, 1001, 0, {0}));  // Group 0 is not root.
}

TEST_CASE("what is no Unix socket admits nobody", "[promise-10]") {
  const OperatorGate gate(std::nullopt);
  const int tcp = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_FALSE(gate.admit(tcp));
  ::close(tcp);
  CHECK_FALSE(gate.admit(-1));
}
