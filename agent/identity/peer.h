// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "protocol/error.h"

namespace tantalus {

/// How well the kernel lets us hold on to the process at the other end (promise 2). Better rungs first.
enum class PeerRung : std::uint8_t {
  pidfd_ioctl,  ///< SO_PEERPIDFD, and the pid namespace by an ioctl of the pidfd (Linux 6.11).
  pidfd,        ///< SO_PEERPIDFD (Linux 6.5), the rest from /proc.
  weak,         ///< SO_PEERCRED, a handle on /proc/<pid> and its start time.
};

/// Owns a descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1) noexcept;
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// What the kernel says of the process that connected, read at accept and never again: a pinned handle, the ids at
/// connect(2), its cgroups, and whether it lives in our pid namespace (unix(7), pidfd_open(2), cgroups(7)). Move-only.
/// Costs about 10 µs where the agent may trace its callers (root, CAP_SYS_PTRACE), 14 µs elsewhere: half of it is one
/// read of /proc/<pid>/cgroup, and the pid namespace by its inode is 1.7 µs, by a pidfd's fdinfo 5.3, by status 9.7.
class Peer {
 public:
  /// Takes the facts of a connected socket, by the best rung not above `best`. Fails with `unauthenticated` when the
  /// peer is gone, or outside our pid namespace (the message names `hostPID`; trap 8).
  [[nodiscard]] static Result<Peer> take(int socket, PeerRung best = PeerRung::pidfd_ioctl);

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] uid_t uid() const noexcept { return uid_; }
  [[nodiscard]] gid_t gid() const noexcept { return gid_; }
  [[nodiscard]] PeerRung rung() const noexcept { return rung_; }
  /// The text of /proc/<pid>/cgroup as it was at accept.
  [[nodiscard]] const std::string& cgroups() const noexcept { return cgroups_; }
  /// Whether the process lives in a pid namespace below ours (NSpid has more than one number).
  [[nodiscard]] bool in_nested_pid_namespace() const noexcept { return nested_; }
  /// Whether the very process that connected still runs. A zombie does not.
  [[nodiscard]] bool is_alive() const noexcept;
  /// Its executable's path: best effort, a claim, for the audit line. Empty when it can't be read.
  [[nodiscard]] std::string executable() const;

 private:
  Peer() = default;
  [[nodiscard]] Result<void> read_pinned(UniqueFd pidfd, PeerRung best, ino_t own_namespace);
  [[nodiscard]] Result<void> read_weak();
  UniqueFd handle_;  // A pidfd, or on the weak rung an O_PATH descriptor of /proc/<pid>.
  pid_t pid_ = 0;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  PeerRung rung_ = PeerRung::weak;
  std::uint64_t start_time_ = 0;
  std::string cgroups_;
  bool nested_ = false;
};

}  // namespace tantalus
