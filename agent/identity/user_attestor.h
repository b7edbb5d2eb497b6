// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "agent/identity/attestor.h"

namespace tantalus {

/// The host user that a peer is, or why it may be none: in a container's cgroup, or in one that can't be judged; in a
/// pid namespace below ours; or with the overflow uid, which stands for every uid that has no number here. Never
/// NotMine: whoever may be a container's must not be passed on (traps 17 and 135).
[[nodiscard]] Verdict judge_host_user(const Peer& peer, uid_t overflow_uid);

/// /proc/sys/kernel/overflowuid, or the kernel's own 65534 where it can't be read.
[[nodiscard]] uid_t overflow_uid();

}  // namespace tantalus
