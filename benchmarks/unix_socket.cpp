// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tantalus::bench {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    give_up(path);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void give_up(const std::string& what) {
  std::fprintf(stderr, "bench: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

Descriptor listen_at(const std::string& path) {
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  if (::bind(listener.get(), generic(address), sizeof(address)) != 0 || ::listen(listener.get(), SOMAXCONN) != 0) {
    give_up("listen on " + path);
  }
  return listener;
}

Descriptor try_connect(const std::string& path) {
  Descriptor peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  if (::connect(peer.get(), generic(address), sizeof(address)) != 0) {
    return {};
  }
  return peer;
}

Descriptor connect_to(const std::string& path) {
  Descriptor peer = try_connect(path);
  if (!peer.is_open()) {
    give_up("connect to " + path);
  }
  return peer;
}

void send_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent <= 0) {
      give_up("send");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

std::span<const std::byte> receive_some(int fd, std::span<std::byte> buffer) {
  while (true) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      return buffer.first(static_cast<std::size_t>(got));
    }
    if (got == 0) {
      errno = ECONNRESET;
    }
    if (errno != EINTR) {
      give_up("receive");
    }
  }
}

}  // namespace tantalus::bench
