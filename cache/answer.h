// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cache/secret.h"
#include "protocol/instant.h"

namespace tantalus {

/// The health of whatever watches a value. Owned by its backend, which outlives every Answer. While it is healthy the
/// value is vouched for at every moment: TTL and refresh-ahead rest, `age` is 0 (docs/configuration.md, "Freshness").
struct Watch {
  bool healthy = false;
  Instant lost_at{};  ///< When it was last healthy; meaningless while it is.
};

/// What a backend read. Owns its parts.
struct Answer {
  Secret value;
  std::string version;  ///< Opaque; it differs when the bytes do.
  std::optional<WallMillis> updated_at;
  const Watch* watch = nullptr;  ///< Null: nothing watches it, so its TTL runs.
};

}  // namespace tantalus
