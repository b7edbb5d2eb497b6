// SPDX-License-Identifier: Apache-2.0
#include "backends/file/content.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "backends/codec/json.h"

namespace tantalus {
namespace {

std::unexpected<Problem> unreadable(int error) {
  return refuse({}, words_for_errno(error));
}

}  // namespace

Parsed<FileContent> FileContent::open(Arena& arena, const std::string& path) {
  struct stat status{};
  // Asked before opening as well: to open a device can do something by itself.
  if (stat(path.c_str(), &status) != 0) {
    return unreadable(errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return refuse({}, "not a regular file");
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    return unreadable(errno);
  }
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return refuse({}, "not a regular file");
  }
  // One byte more shows a file that has grown.
  Result<SecretWriter> writer = SecretWriter::make(arena, static_cast<std::size_t>(status.st_size) + json::padding + 1);
  if (!writer) {
    close(fd);
    return std::unexpected(Problem{
        {}, "no room in locked memory (cache.memory) for its " + std::to_string(status.st_size) + " bytes", true});
  }
  return FileContent(fd, stamp_of(status), std::move(*writer));
}

FileContent::FileContent(FileContent&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      stamp_(other.stamp_),
      writer_(std::move(other.writer_)),
      size_(other.size_),
      changed_(other.changed_) {}

FileContent::~FileContent() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

Parsed<bool> FileContent::read(std::size_t bytes) {
  const std::span<std::byte> room = writer_.room();
  const std::size_t most = room.size() - json::padding;
  const std::size_t wanted = std::min(bytes, most - size_);
  const ssize_t got = pread(fd_, room.data() + size_, wanted, static_cast<off_t>(size_));
  if (got < 0) {
    if (errno == EINTR || errno == EAGAIN) {
      return false;
    }
    return unreadable(errno);
  }
  size_ += static_cast<std::size_t>(got);
  if (got != 0 && size_ < most) {
    return false;
  }
  struct stat status{};
  changed_ = fstat(fd_, &status) != 0 || stamp_of(status) != stamp_ || size_ != static_cast<std::size_t>(stamp_.size);
  std::memset(room.data() + size_, 0, json::padding);
  return true;
}

std::span<const std::byte> FileContent::bytes() noexcept {
  return writer_.room().first(size_);
}

std::span<char> FileContent::text_and_padding() noexcept {
  return {static_cast<char*>(static_cast<void*>(writer_.room().data())), size_ + json::padding};
}

}  // namespace tantalus
