// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tantalus {

/// What the text of a /proc/<pid>/cgroup (cgroups(7)) tells about where its process lives.
struct CgroupVerdict {
  enum class Place : std::uint8_t {
    host,       ///< No line is a container's.
    container,  ///< At least one line is; `layout` names the manager that lays paths out so.
    unclear,    ///< Not a text that the kernel writes, or a path that our own cgroup namespace hides.
  };
  Place place = Place::unclear;
  std::string_view layout;  ///< A literal: "kubepods", "docker", …; for the unclear, what is unclear. Empty: host.
};

/// Judges all lines together, in any order (trap 5): one that is a container's makes the process a container's, then
/// one that is unclear makes it unclear. Whatever a peer named its own cgroups can only make it less of a host process.
/// Pure; no allocation.
[[nodiscard]] CgroupVerdict classify(std::string_view text) noexcept;

/// Whether the version 1 hierarchies, if there are any, all show their root. That is also what they show of a process
/// whose main thread has ended while others run on, wherever it lives (kernel/cgroup/cgroup.c, proc_cgroup_show).
[[nodiscard]] bool may_hide_its_place(std::string_view text) noexcept;

/// One line as `hierarchy:controllers:path`; the path keeps its colons (trap 2). `is_whole` is false for what has
/// fewer fields, no number in front or no absolute path.
struct CgroupLine {
  std::string_view hierarchy;
  std::string_view controllers;
  std::string_view path;
  bool is_whole = false;
};
[[nodiscard]] CgroupLine split_cgroup_line(std::string_view line) noexcept;

}  // namespace tantalus
