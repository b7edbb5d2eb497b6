// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/process/harden.h"

namespace tantalus {

/// Landlock (landlock(7)) by plain system calls: from here on this thread, and those that it starts, write only below
/// `plan`, run nothing, reach no process's memory, no abstract socket and no signal outside, and no TCP that the plan
/// does not speak of. As much of it as the kernel's ABI has.
[[nodiscard]] HardeningStep restrict_files(const HardenPlan& plan);

}  // namespace tantalus
