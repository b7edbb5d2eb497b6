// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace tantalus::bench {

/// Where the two sides run. A wake-up across cores costs more than an answer, so the two are different worlds
/// (docs/performance.md).
enum class Placement : std::uint8_t { one_core, two_cores };

[[nodiscard]] std::string_view name_of(Placement placement);
/// Whether this machine lets us use two cores.
[[nodiscard]] bool has_two_cores();
/// Pins every thread of the server, and the calling thread, which is the client.
void pin(pid_t server, Placement placement);
/// Runs every thread of `process` before all ordinary ones (SCHED_FIFO), so that busy neighbours do not show. Needs
/// root.
void make_realtime(pid_t process);
/// Back among the ordinary ones.
void make_ordinary(pid_t process);

}  // namespace tantalus::bench
