// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

#include "agent/identity/cgroup.h"
#include "agent/identity/proc.h"

namespace tantalus {
namespace {

// Debian 12's headers lack what follows.
constexpr int so_peerpidfd = 77;  // include/uapi/asm-generic/socket.h, Linux 6.5.

// include/uapi/linux/pidfd.h
constexpr unsigned long pidfd_get_pid_namespace = _IO(0xFF, 5);  // PIDFD_GET_PID_NAMESPACE, Linux 6.11.

/// What a peer's facts are compared with. Neither changes while a process lives.
struct OwnView {
  ino_t pid_namespace = 0;    ///< 0: not to be had.
  bool proc_is_ours = false;  ///< /proc shows our own pid namespace, so its numbers are those of SO_PEERCRED.
};

OwnView look_at_ourselves() {
  OwnView view;
  struct stat own{};
  if (::stat("/proc/self/ns/pid", &own) == 0) {
    view.pid_namespace = own.st_ino;
  }
  const std::optional<std::string> status = proc::read_text(AT_FDCWD, "/proc/self/status");
  view.proc_is_ours = status && proc::parse_status(*status).pid_namespaces == 1;
  return view;
}

/// Looked at once, as it costs as much as a peer. Again after a fork, which may be in another namespace. Loop thread
/// only.
const OwnView& own_view() {
  static OwnView view;
  static pid_t of = 0;
  if (of != ::getpid()) {
    view = look_at_ourselves();
    of = ::getpid();
  }
  return view;
}

/// "/proc/<number>/<file>", or any other two parts around a number, without an allocation.
class ProcPath {
 public:
  ProcPath(std::string_view before, int number, std::string_view after) noexcept {
    char* end = before.copy(text_.data(), before.size()) + text_.data();
    end = std::to_chars(end, text_.data() + text_.size(), number).ptr;
    end += after.copy(end, after.size());
    *end = '\0';
  }
  [[nodiscard]] const char* get() const noexcept { return text_.data(); }

 private:
  std::array<char, 64> text_;
};

std::unexpected<Error> refused(std::string message) {
  return fail(Code::unauthenticated, std::move(message));
}

std::unexpected<Error> gone() {
  return refused("the process that connected is gone");
}

std::unexpected<Error> hides_its_place() {
  return refused("the caller's main thread has ended, so its cgroup can't be told");
}

struct PeerIds {
  pid_t pid;
  uid_t uid;
  gid_t gid;
};

/// Of connect(2), or of socketpair(2): unix(7), SO_PEERCRED. Its pid is that of the process that SO_PEERPIDFD holds.
Result<PeerIds> ids_at_connect(int socket) {
  ucred ids{};
  socklen_t size = sizeof ids;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &ids, &size) != 0 || size != sizeof ids) {
    return refused("the kernel does not tell who is at the other end of the socket");
  }
  if (ids.pid <= 0) {  // Trap 8.
    return refused("the caller is outside the agent's pid namespace: an agent in a pod needs hostPID: true");
  }
  return PeerIds{ids.pid, ids.uid, ids.gid};
}

/// Unset: the kernel has no SO_PEERPIDFD. A reaped peer is EINVAL or ESRCH on some kernels and a stale pidfd on others
/// (trap 10), which the question whether it lives finds out.
Result<std::optional<UniqueFd>> pin(int socket) {
  int fd = -1;
  socklen_t size = sizeof fd;
  if (::getsockopt(socket, SOL_SOCKET, so_peerpidfd, &fd, &size) == 0) {
    return std::optional<UniqueFd>(UniqueFd(fd));
  }
  if (errno == ENOPROTOOPT) {
    return std::optional<UniqueFd>();
  }
  if (errno == EMFILE || errno == ENFILE) {
    return fail(Code::overloaded, "the agent has no descriptor left to hold the caller's process by");
  }
  return gone();
}

/// By the namespace's inode: two system calls fewer to format and parse than fdinfo, but only for who may trace the
/// process. Unset: not allowed, or not known to this kernel.
std::optional<bool> nested_by_namespace(int pidfd, ino_t own) noexcept {
  if (own == 0) {
    return std::nullopt;
  }
  const UniqueFd other(::ioctl(pidfd, pidfd_get_pid_namespace, 0));
  struct stat about{};
  if (!other || ::fstat(other.get(), &about) != 0) {
    return std::nullopt;
  }
  return about.st_ino != own;
}

/// By NSpid of our own pidfd's fdinfo (Linux 5.5): everyone may read it, and it is half as dear as /proc/<pid>/status.
std::optional<bool> nested_by_fdinfo(int pidfd, pid_t pid) {
  const std::optional<std::string> text = proc::read_text(AT_FDCWD, ProcPath("/proc/self/fdinfo/", pidfd, "").get());
  if (!text) {
    return std::nullopt;
  }
  const proc::Status status = proc::parse_status(*text);
  if (status.pid != pid || status.pid_namespaces == 0) {
    return std::nullopt;
  }
  return status.pid_namespaces > 1;
}

}  // namespace

void UniqueFd::reset(int fd) noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = fd;
}

Result<Peer> Peer::take(int socket, PeerRung best) {
  const Result<PeerIds> ids = ids_at_connect(socket);
  if (!ids) {
    return std::unexpected(ids.error());
  }
  const OwnView& view = own_view();
  if (!view.proc_is_ours) {
    return refused("/proc does not show the agent's own pid namespace, so no caller can be told from another");
  }
  Peer peer;
  peer.pid_ = ids->pid;
  peer.uid_ = ids->uid;
  peer.gid_ = ids->gid;
  std::optional<UniqueFd> pidfd;
  if (best != PeerRung::weak) {
    Result<std::optional<UniqueFd>> pinned = pin(socket);
    if (!pinned) {
      return std::unexpected(std::move(pinned.error()));
    }
    pidfd = std::move(*pinned);
  }
  Result<void> read = pidfd ? peer.read_pinned(std::move(*pidfd), best, view.pid_namespace) : peer.read_weak();
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  return peer;
}

Result<void> Peer::read_pinned(UniqueFd pidfd, PeerRung best, ino_t own_namespace) {
  // SO_PEERPIDFD and SO_PEERCRED speak of one struct pid of the socket (net/core/sock.c), so the number is this
  // handle's.
  handle_ = std::move(pidfd);
  rung_ = PeerRung::pidfd;
  std::optional<std::string> cgroups = proc::read_text(AT_FDCWD, ProcPath("/proc/", pid_, "/cgroup").get());
  if (!cgroups) {
    return is_alive() ? refused("the caller's cgroup can't be read") : gone();
  }
  cgroups_ = std::move(*cgroups);
  std::optional<bool> nested;
  if (best == PeerRung::pidfd_ioctl) {
    nested = nested_by_namespace(handle_.get(), own_namespace);
  }
  if (nested) {
    rung_ = PeerRung::pidfd_ioctl;
  } else {
    nested = nested_by_fdinfo(handle_.get(), pid_);
  }
  if (!nested) {
    return is_alive() ? refused("the caller's pid namespace can't be told") : gone();
  }
  nested_ = *nested;
  if (may_hide_its_place(cgroups_)) {
    const std::optional<std::string> text = proc::read_text(AT_FDCWD, ProcPath("/proc/", pid_, "/stat").get());
    const std::optional<proc::Stat> stat = text ? proc::parse_stat(*text) : std::nullopt;
    if (!stat || stat->main_thread_has_ended()) {
      return is_alive() ? hides_its_place() : gone();
    }
  }
  // What was read by number above was of this process: its number can't be another's while it lives (trap 9).
  return is_alive() ? Result<void>() : gone();
}

/// All files are opened through one descriptor of /proc/<pid>, which stays with the process that it was opened for.
/// Whether that is the one that connected can't be excluded to be another of the same number, uid and gid.
Result<void> Peer::read_weak() {
  rung_ = PeerRung::weak;
  handle_ = UniqueFd(::open(ProcPath("/proc/", pid_, "").get(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!handle_) {
    return errno == EMFILE || errno == ENFILE
               ? fail(Code::overloaded, "the agent has no descriptor left to hold the caller's process by")
               : gone();
  }
  std::optional<std::string> cgroups = proc::read_text(handle_.get(), "cgroup");
  // After its cgroups, so that a main thread that ends between the two is seen to have ended.
  const std::optional<std::string> stat_text = proc::read_text(handle_.get(), "stat");
  const std::optional<std::string> status_text = proc::read_text(handle_.get(), "status");
  const std::optional<proc::Stat> stat = stat_text ? proc::parse_stat(*stat_text) : std::nullopt;
  if (!stat || !cgroups || !status_text) {
    return gone();
  }
  const proc::Status status = proc::parse_status(*status_text);
  if (status.pid != pid_ || status.effective_uid != uid_ || status.effective_gid != gid_) {
    return refused("the process of the caller's number does not have the ids that connected");
  }
  if (status.pid_namespaces == 0) {
    return refused("the caller's pid namespace can't be told");
  }
  cgroups_ = std::move(*cgroups);
  start_time_ = stat->start_time;
  if (may_hide_its_place(cgroups_) && stat->main_thread_has_ended()) {
    return is_alive() ? hides_its_place() : gone();
  }
  nested_ = status.pid_namespaces > 1;
  return is_alive() ? Result<void>() : gone();
}

bool Peer::is_alive() const noexcept {
  if (rung_ != PeerRung::weak) {
    pollfd ended{handle_.get(), POLLIN, 0};  // Readable once its last thread has ended, a zombie too: pidfd_open(2).
    int ready = 0;
    do {
      ready = ::poll(&ended, 1, 0);
    } while (ready < 0 && errno == EINTR);
    return ready == 0;
  }
  const std::optional<std::string> text = proc::read_text(handle_.get(), "stat");
  const std::optional<proc::Stat> stat = text ? proc::parse_stat(*text) : std::nullopt;
  return stat && !stat->has_ended() && stat->start_time == start_time_;
}

std::string Peer::executable() const {
  [[clang::uninitialized]] std::array<char, 4096> path;  // The kernel fills what is used.
  const ssize_t size = rung_ == PeerRung::weak
                           ? ::readlinkat(handle_.get(), "exe", path.data(), path.size())
                           : ::readlink(ProcPath("/proc/", pid_, "/exe").get(), path.data(), path.size());
  if (size <= 0 || !is_alive()) {
    return {};
  }
  return std::string(path.data(), static_cast<std::size_t>(size));
}

}  // namespace tantalus
