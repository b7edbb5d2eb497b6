// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/error.h"

namespace tantalus {

/// How many descriptors there are, and how many connections they carry.
struct DescriptorBudget {
  std::uint64_t limit = 0;        ///< RLIMIT_NOFILE, raised to its hard limit.
  std::uint32_t connections = 0;  ///< At most what was wanted.
  bool is_cut = false;            ///< Fewer than wanted: worth a warning that names RLIMIT_NOFILE.
};

/// Descriptors of a connection: its socket and the peer's pidfd.
inline constexpr std::uint64_t descriptors_per_connection = 2;
/// Kept back for the rest: loop, audit, watches, manifests being read, /proc, backends, the debug socket with its own
/// connections, and the one that an accepted connection takes only to be told `overloaded` (traps 25 and 26).
inline constexpr std::uint64_t descriptor_reserve = 256;

/// Raises RLIMIT_NOFILE as far as it goes and fits the connection limit to it. Fails with `misconfigured` where not
/// even a few connections fit; the message names the limit and how to raise it.
[[nodiscard]] Result<DescriptorBudget> fit_to_descriptors(std::uint32_t wanted_connections);

/// The pure part of it.
[[nodiscard]] Result<DescriptorBudget> budget_of(std::uint64_t limit, std::uint32_t wanted_connections);

/// Descriptors open at the moment, for `/v1/status`.
[[nodiscard]] std::size_t count_open_descriptors();

}  // namespace tantalus
