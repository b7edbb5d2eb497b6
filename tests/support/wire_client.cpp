// SPDX-License-Identifier: Apache-2.0
#include "tests/support/wire_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "protocol/request.h"

namespace tantalus::test {

WireClient::WireClient(const std::string& path, Turn turn)
    : turn_(std::move(turn)), cutter_(FrameCutter::Side::client, 64 * 1024 * 1024) {
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw std::runtime_error("socket path too long: " + path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EAGAIN) {
      throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
    }
    turn_ ? turn_() : void(::usleep(500));  // The listener's queue is full.
  }
}

WireClient::~WireClient() {
  close();
}

void WireClient::close() {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

bool WireClient::try_send(std::span<const std::byte> bytes) {
  return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void WireClient::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      turn_ ? turn_() : void(::usleep(500));
    } else {
      throw std::runtime_error(std::string("send: ") + std::strerror(errno));
    }
  }
}

void WireClient::shut_write() {
  ::shutdown(fd_, SHUT_WR);
}

bool WireClient::fill(std::chrono::steady_clock::time_point until) {
  std::array<std::byte, 65536> chunk;
  while (!ended_) {
    const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (got > 0) {
      unread_.insert(unread_.end(), chunk.begin(), chunk.begin() + got);
      return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      ended_ = true;
      reset_ = got < 0;
      return false;
    }
    if (std::chrono::steady_clock::now() > until) {
      return false;
    }
    if (turn_) {
      turn_();
    } else {
      pollfd ready{fd_, POLLIN, 0};
      ::poll(&ready, 1, 20);
    }
  }
  return false;
}

std::optional<WireClient::Reply> WireClient::receive(std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  for (;;) {
    if (!unread_.empty()) {
      const Result<std::size_t> size = cutter_.next(unread_);
      if (!size.has_value()) {
        throw std::runtime_error("the agent sent no message: " + size.error().message);
      }
      if (*size > 0) {
        Reply reply;
        reply.frame.assign(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(*size));
        unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(*size));
        Result<response::Head> head = response::read(reply.frame);
        if (!head.has_value()) {
          throw std::runtime_error("a reply that can't be read: " + head.error().message);
        }
        reply.head = *head;
        return reply;
      }
    }
    if (!fill(until)) {
      return std::nullopt;
    }
  }
}

bool WireClient::is_ended(std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!ended_ && std::chrono::steady_clock::now() < until) {
    (void)fill(until);
  }
  return ended_;
}

std::string WireClient::Reply::value() const {
  if (head.error.has_value()) {
    throw std::runtime_error("not a value: " + code());
  }
  const Result<response::SecretView> secret = response::read_secret(head.result);
  if (!secret.has_value()) {
    throw std::runtime_error("not a secret: " + secret.error().message);
  }
  return {reinterpret_cast<const char*>(secret->value.data()), secret->value.size()};
}

std::vector<std::byte> resolve_request(std::uint32_t msgid, std::string_view key, std::optional<Millis> max_age,
                                       Scope scope) {
  ReplyBuffer bytes;
  Reference reference;
  reference.key = key;
  reference.scope = scope;
  request::resolve(bytes, msgid, reference, max_age);
  return bytes;
}

}  // namespace tantalus::test
