// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "agent/observe/inspect.h"
#include "protocol/error.h"

namespace tantalus {

/// Who may use the debug socket (promise 10): root, or a member of one group, by the socket's credentials; and a
/// process of the host, or of the agent's own container, by its cgroup. Whatever else runs in a container is refused,
/// root too.
class OperatorGate {
 public:
  /// Reads the agent's own cgroups.
  explicit OperatorGate(std::optional<gid_t> group);

  /// Fails with `permission_denied`, or `unauthenticated` when the peer is gone.
  [[nodiscard]] Result<Operator> admit(int socket) const;

 private:
  std::optional<gid_t> group_;
  std::string own_cgroups_;
};

/// The rule alone, of facts.
struct OperatorFacts {
  bool is_root = false;
  bool is_group_member = false;
  bool is_host_process = false;  ///< Its cgroup is no container's.
  bool is_in_own_cgroup = false;
  bool is_in_nested_pid_namespace = false;
};
[[nodiscard]] bool is_operator(const OperatorFacts& facts) noexcept;

}  // namespace tantalus
