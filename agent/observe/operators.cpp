// SPDX-License-Identifier: Apache-2.0
#include "agent/observe/operators.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <vector>

#include "agent/identity/cgroup.h"
#include "agent/identity/peer.h"

namespace tantalus {
namespace {

// Debian 12's C library lacks it; include/uapi/asm-generic/socket.h, Linux 4.13.
constexpr int so_peergroups = 59;

/// The supplementary groups at connect(2) (unix(7), SO_PEERGROUPS). Who has more than fit here is nobody's operator.
bool has_peer_group(int socket, gid_t group) {
  std::array<gid_t, 1024> groups{};
  socklen_t size = sizeof groups;
  if (::getsockopt(socket, SOL_SOCKET, so_peergroups, groups.data(), &size) != 0) {
    return false;
  }
  const auto end = groups.begin() + size / sizeof(gid_t);
  return std::find(groups.begin(), end, group) != end;
}

}  // namespace

OperatorGate::OperatorGate(std::optional<gid_t> group) : group_(group) {
  std::ifstream file("/proc/self/cgroup");
  own_cgroups_.assign(std::istreambuf_iterator<char>(file), {});
}

bool is_operator(const OperatorFacts& facts) noexcept {
  if (!facts.is_root && !facts.is_group_member) {
    return false;
  }
  return !facts.is_in_nested_pid_namespace && (facts.is_host_process || facts.is_in_own_cgroup);
}

Result<Operator> OperatorGate::admit(int socket) const {
  const Result<Peer> peer = Peer::take(socket);
  if (!peer) {
    return std::unexpected(peer.error());
  }
  OperatorFacts facts;
  facts.is_root = peer->uid() == 0;
  facts.is_group_member = group_ && (peer->gid() == *group_ || has_peer_group(socket, *group_));
  facts.is_host_process = classify(peer->cgroups()).place == CgroupVerdict::Place::host;
  facts.is_in_own_cgroup = !own_cgroups_.empty() && peer->cgroups() == own_cgroups_;
  facts.is_in_nested_pid_namespace = peer->in_nested_pid_namespace();
  if (!is_operator(facts)) {
    return fail(Code::permission_denied, "not an operator: root or a member of listen.debug_group, and no container");
  }
  return Operator{peer->pid(), peer->uid()};
}

}  // namespace tantalus
