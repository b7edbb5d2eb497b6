// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Files of proc(5), read with one open, as few reads as their size asks for, and one close. The parsers are pure.
namespace tantalus::proc {

/// Longer texts are refused: twelve hierarchies of version 1 with a path each of PATH_MAX stay below it.
inline constexpr std::size_t max_text = 64 * 1024;

/// The whole text of `path`, relative to `directory` (AT_FDCWD for an absolute one). Unset: gone, not to be had, or
/// longer than max_text.
[[nodiscard]] std::optional<std::string> read_text(int directory, const char* path);

/// Of /proc/<pid>/stat.
struct Stat {
  char state = 0;
  unsigned long flags = 0;  ///< PF_… of the kernel's include/linux/sched.h.
  long threads = 0;
  std::uint64_t start_time = 0;  ///< Clock ticks since boot.

  /// The main thread has ended, whatever the others do.
  [[nodiscard]] bool main_thread_has_ended() const noexcept;
  /// No thread is left: a zombie, or less.
  [[nodiscard]] bool has_ended() const noexcept;
};
/// Parsed from the last `)`: the name before it is the process's own choice (trap 11).
[[nodiscard]] std::optional<Stat> parse_stat(std::string_view text) noexcept;

/// Of /proc/<pid>/status or of a pidfd's /proc/self/fdinfo/<fd>, which say these in the same words.
struct Status {
  std::optional<pid_t> pid;  ///< `Pid`; -1 in a pidfd's fdinfo when the process is gone.
  int pid_namespaces = 0;    ///< How many numbers `NSpid` has; 0: there is no such line.
  std::optional<uid_t> effective_uid;
  std::optional<gid_t> effective_gid;
};
/// `Name` is the process's own choice, but proc(5) escapes line ends in it, so no line can be forged.
[[nodiscard]] Status parse_status(std::string_view text) noexcept;

}  // namespace tantalus::proc
