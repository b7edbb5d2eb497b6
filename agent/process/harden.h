// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.h"

namespace tantalus {

/// One thing the process gave up, or why it could not (promise 12); shown in `/v1/status`.
struct HardeningStep {
  std::string_view step;
  bool in_force = false;
  std::string why;
};

/// First thing in main, before a thread or a secret exists: no core dumps, not dumpable (promise 5, trap 61). Fails
/// where the kernel refuses: then the process must not go on.
[[nodiscard]] Result<std::vector<HardeningStep>> forbid_dumps();

/// What the process still needs after its start; everything else is given up.
struct HardenPlan {
  /// Directories in which files are made, written, renamed and removed: that of the audit file. They exist.
  std::vector<std::string> writable;
  /// Directories in which only the sockets' own files are removed. They exist.
  std::vector<std::string> sockets;
  /// Whether it talks to anything over TCP (Kubernetes, Vault, the metrics port).
  bool network = false;
};

/// Gives up, in this order: new privileges, capabilities, writing outside `plan` (Landlock), system calls (seccomp).
/// Once, on the only thread there is: Landlock and capabilities are a thread's own, and threads made later inherit
/// them; where there are threads already the step says so. After the sockets are bound, the memory is mapped and the
/// systemd notifier is connected; before the helper threads and before a byte of anybody else's is parsed. A step that
/// can't be taken is reported, not fatal: old kernels lack Landlock, containers refuse seccomp.
[[nodiscard]] std::vector<HardeningStep> harden(const HardenPlan& plan);

}  // namespace tantalus
