// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>

namespace tantalus {
namespace {

constexpr int backlog = 4096;  // Cut to net.core.somaxconn by the kernel.
constexpr uid_t keep_owner = static_cast<uid_t>(-1);

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

std::unexpected<Error> refuse(const std::string& path, std::string_view what, int error) {
  return fail(Code::misconfigured, "socket " + path + ": " + std::string(what) + ": " + std::strerror(error));
}

struct Place {
  std::string directory;
  std::string name;
};

Place split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {".", path};
  }
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// A pod that mounts the directory could hold the lock for ever, so it is waited for briefly and then done without:
/// what protects a running agent is the probe, the lock only keeps two starts apart.
void lock_briefly(int directory) noexcept {
  constexpr timespec pause{.tv_sec = 0, .tv_nsec = 20'000'000};
  for (int tries = 0; tries < 50 && ::flock(directory, LOCK_EX | LOCK_NB) != 0; ++tries) {
    ::nanosleep(&pause, nullptr);
  }
}

/// 0: somebody listens. Else the errno of connect(2).
int probe(const sockaddr_un& address) noexcept {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) {
    return errno;
  }
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

Result<void> clear_the_way(const std::string& path, const sockaddr_un& address, int directory,
                           const std::string& name) {
  struct stat found{};
  if (::fstatat(directory, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) {
      return {};
    }
    return refuse(path, "can't be looked at", errno);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Code::misconfigured, "socket " + path + ": something that is no socket stands there; move it away");
  }
  const int answer = probe(address);
  if (answer == ECONNREFUSED) {
    if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
      return refuse(path, "a stale socket can't be removed", errno);
    }
    return {};
  }
  if (answer == ENOENT) {
    return {};
  }
  // EAGAIN is a full backlog, EPROTOTYPE a socket of another type: both are alive.
  if (answer == 0 || answer == EAGAIN || answer == EPROTOTYPE) {
    return fail(Code::unavailable, "socket " + path + ": in use: another process listens there; stop it first");
  }
  return refuse(path, "can't tell whether somebody listens there", answer);
}

}  // namespace

Result<BoundSocket> bind_unix_socket(const std::string& path, std::uint32_t mode, std::optional<gid_t> group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {  // trap 23
    return fail(Code::misconfigured, "socket " + path + ": the path has " + std::to_string(path.size()) +
                                         " bytes; the kernel takes at most " +
                                         std::to_string(sizeof address.sun_path - 1));
  }
  const Place place = split(path);
  if (place.name.empty() || path.find('\0') != std::string::npos) {
    return fail(Code::misconfigured, "socket " + path + ": not the path of a file");
  }
  std::memcpy(address.sun_path, path.data(), path.size());

  const Descriptor directory(::open(place.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) {
    return refuse(path, "its directory can't be opened", errno);
  }
  lock_briefly(directory.get());
  if (auto clear = clear_the_way(path, address, directory.get(), place.name); !clear) {
    return std::unexpected(clear.error());
  }

  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) {
    return refuse(path, "no socket", errno);
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EADDRINUSE) {
      return fail(Code::unavailable, "socket " + path + ": in use: another process bound it just now");
    }
    return refuse(path, "bind", errno);
  }
  BoundSocket bound{socket.get(), 0, 0};
  struct stat made{};
  if (::fstatat(directory.get(), place.name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) {
    return refuse(path, "gone after bind", errno);
  }
  bound.device = made.st_dev;
  bound.inode = made.st_ino;
  const auto undo = [&](std::string_view what, int error) {
    remove_unix_socket(path, bound);
    return refuse(path, what, error);
  };
  if (group && ::fchownat(directory.get(), place.name.c_str(), keep_owner, *group, AT_SYMLINK_NOFOLLOW) != 0) {
    return undo("its group can't be set", errno);
  }
  // After chown(2), which may clear bits. Nobody can connect yet: until listen(2) they are refused.
  if (::fchmodat(directory.get(), place.name.c_str(), static_cast<mode_t>(mode), AT_SYMLINK_NOFOLLOW) != 0) {
    return undo("its mode can't be set", errno);
  }
  if (::listen(socket.get(), backlog) != 0) {
    return undo("listen", errno);
  }
  static_cast<void>(socket.release());
  return bound;
}

void remove_unix_socket(const std::string& path, const BoundSocket& socket) noexcept {
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode) && found.st_dev == socket.device &&
      found.st_ino == socket.inode) {
    ::unlink(path.c_str());
  }
}

Result<void> ensure_socket_directory(const std::string& path, std::uint32_t mode, std::optional<gid_t> group) {
  const std::string directory = split(path).directory;
  if (::mkdir(directory.c_str(), static_cast<mode_t>(mode)) == 0) {
    if (group && ::chown(directory.c_str(), keep_owner, *group) != 0) {
      return refuse(path, "the group of its directory can't be set", errno);
    }
    if (::chmod(directory.c_str(), static_cast<mode_t>(mode)) != 0) {  // mkdir(2) heeds the umask.
      return refuse(path, "the mode of its directory can't be set", errno);
    }
    return {};
  }
  if (errno != EEXIST) {
    return refuse(path, "its directory can't be made", errno);
  }
  struct stat found{};
  if (::stat(directory.c_str(), &found) != 0) {
    return refuse(path, "its directory can't be looked at", errno);
  }
  if (!S_ISDIR(found.st_mode)) {
    return refuse(path, directory, ENOTDIR);
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0 || (found.st_uid != 0 && found.st_uid != ::geteuid())) {
    return fail(Code::misconfigured, "socket " + path + ": others may put files into " + directory +
                                         "; it has to be writable by its owner alone, root or the agent's user");
  }
  return {};
}

}  // namespace tantalus
