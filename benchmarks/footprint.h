// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace tantalus::bench {

/// What a process takes of memory (proc_pid_smaps(5)), in KiB. Locked mappings are the arena and what else may hold a
/// value; they are accounted apart.
struct Memory {
  std::uint64_t anonymous_unlocked = 0;
  std::uint64_t resident = 0;
  std::uint64_t resident_locked = 0;
};

[[nodiscard]] Memory memory_of(pid_t process);

/// How often the threads of `process` wake by themselves, a second, over `period`.
[[nodiscard]] double wakeups_per_second(pid_t process, std::chrono::milliseconds period);

}  // namespace tantalus::bench
