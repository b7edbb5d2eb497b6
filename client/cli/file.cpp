// SPDX-License-Identifier: Apache-2.0
#include "client/cli/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tantalus::cli {
namespace {

constexpr std::size_t max_file = std::size_t{16} * 1024 * 1024;

Problem cannot(const std::string& path, int error) {
  return {exit_code::usage, path, strerrordesc_np(error), ""};
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Closes, and removes a file that did not become what it was to be.
class Temporary {
 public:
  Temporary(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~Temporary() {
    if (fd_ >= 0) {
      close(fd_);
    }
    if (!path_.empty()) {
      unlink(path_.c_str());
    }
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] int rename_to(const std::string& target) {
    if (fsync(fd_) != 0 || rename(path_.c_str(), target.c_str()) != 0) {
      return errno;
    }
    path_.clear();
    return 0;
  }

 private:
  std::string path_;
  int fd_;
};

}  // namespace

Outcome<void> read_file(const std::string& path, client::LockedBuffer& out) {
  const bool is_input = path == "-";
  const int fd = is_input ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return std::unexpected(cannot(path, errno));
  }
  int error = 0;
  while (error == 0) {
    if (out.room().empty() && !out.reserve(std::max<std::size_t>(4096, out.capacity() * 2))) {
      error = ENOMEM;
      break;
    }
    const std::span<std::byte> room = out.room();
    const ssize_t count = read(fd, room.data(), room.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      error = count < 0 ? errno : 0;
      break;
    }
    out.filled(static_cast<std::size_t>(count));
    if (out.bytes().size() > max_file) {
      error = EFBIG;
    }
  }
  if (!is_input) {
    close(fd);
  }
  if (error != 0) {
    return std::unexpected(cannot(path, error));
  }
  return {};
}

Outcome<void> replace_file(const std::string& path, std::span<const std::byte> bytes) {
  std::string name = path + ".XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);  // Of mode 0600 (mkstemp(3)).
  if (fd < 0) {
    return std::unexpected(cannot(folder_of(path), errno));
  }
  Temporary file(name, fd);
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return std::unexpected(cannot(path, errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (const int error = file.rename_to(path); error != 0) {
    return std::unexpected(cannot(path, error));
  }
  return {};
}

Outcome<bool> is_in_memory(const std::string& path) {
  struct statfs system{};
  const std::string folder = folder_of(path);
  if (statfs(folder.c_str(), &system) != 0) {
    return std::unexpected(cannot(folder, errno));
  }
  return system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
}

}  // namespace tantalus::cli
