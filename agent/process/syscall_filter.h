// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/process/harden.h"

namespace tantalus {

/// The seccomp filter (seccomp(2)), on every thread of the process. What the tables in its source do not list answers
/// ENOSYS, so that libraries take the way that they have for older kernels; what only an intruder would call kills.
[[nodiscard]] HardeningStep filter_system_calls(const HardenPlan& plan);

}  // namespace tantalus
