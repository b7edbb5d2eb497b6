// SPDX-License-Identifier: Apache-2.0
#include "client/src/token.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "protocol/limits.h"

namespace tantalus::client {
namespace {

bool is_space(std::byte byte) noexcept {
  const auto character = std::to_integer<char>(byte);
  return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

Failure unusable(const std::string& path, const std::string& why) {
  return {TANTALUS_UNAUTHENTICATED, 0, "cannot use the token file " + path + ": " + why};
}

}  // namespace

Failure read_token(const std::string& path, LockedBuffer& token) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return unusable(path, strerrordesc_np(errno));
  }
  if (!token.reserve(limits::max_token + 1)) {
    close(fd);
    return {TANTALUS_OUT_OF_MEMORY, 0, "no memory for a token"};
  }
  while (token.bytes().size() <= limits::max_token) {
    const std::span<std::byte> room = token.room();
    const ssize_t count = read(fd, room.data(), room.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      const int error = errno;
      close(fd);
      return unusable(path, strerrordesc_np(error));
    }
    if (count == 0) {
      break;
    }
    token.filled(static_cast<std::size_t>(count));
  }
  close(fd);
  if (token.bytes().size() > limits::max_token) {
    return unusable(path, "it is longer than 16 KiB");
  }
  std::size_t leading = 0;
  while (leading < token.bytes().size() && is_space(token.bytes()[leading])) {
    ++leading;
  }
  token.consume(leading);
  while (!token.bytes().empty() && is_space(token.bytes().back())) {
    token.shorten(1);
  }
  if (token.bytes().empty()) {
    return unusable(path, "it is empty");
  }
  return {};
}

}  // namespace tantalus::client
