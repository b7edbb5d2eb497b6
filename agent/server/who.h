// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/identity/identity.h"
#include "protocol/reply.h"

namespace tantalus {

/// An identity as `whoami` tells it. Views the identity.
[[nodiscard]] reply::Who who_of(const Identity& identity) noexcept;

}  // namespace tantalus
