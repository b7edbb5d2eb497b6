// SPDX-License-Identifier: Apache-2.0
#include "client/src/transport.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "protocol/limits.h"

namespace tantalus::client {
namespace {

constexpr std::size_t first_inbox = 16 * limits::KiB;
constexpr std::size_t kept_inbox = 64 * limits::KiB;  // What an idle connection may hold on to.
// A batch of the largest values, and what describes them.
constexpr std::size_t max_reply = limits::max_batch * (limits::max_value + 4 * limits::KiB);

timeval to_timeval(Millis limit) noexcept {
  return {static_cast<time_t>(limit.count() / 1000), static_cast<suseconds_t>(limit.count() % 1000 * 1000)};
}

Failure not_reachable(const std::string& path, int error) {
  switch (error) {
    case EAGAIN:
      return {TANTALUS_OVERLOADED, 0, "too many clients are connecting to " + path};
    case ENOENT:
      return {TANTALUS_NO_AGENT, 0, "no agent: there is no socket " + path};
    case ECONNREFUSED:
      return {TANTALUS_NO_AGENT, 0, "no agent listens on " + path};
    default:
      return {TANTALUS_NO_AGENT, 0, "cannot connect to " + path + ": " + strerrordesc_np(error)};
  }
}

}  // namespace

Instant now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

int wait_for(Instant deadline) noexcept {
  if (deadline == Instant::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<Millis>(deadline - now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

Transport::Transport(std::shared_ptr<LockedHeap> heap)
    : heap_(std::move(heap)), outbox_(heap_), inbox_(heap_), cutter_(FrameCutter::Side::client, max_reply) {}

Failure Transport::open(const std::string& path, Instant deadline, bool may_block) {
  close();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {  // trap 23: never cut
    return {TANTALUS_INVALID_REQUEST, 0, "the socket's path is longer than 107 bytes: " + path};
  }
  std::ranges::copy(path, address.sun_path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (may_block ? 0 : SOCK_NONBLOCK), 0);
  if (fd < 0) {
    return {TANTALUS_OUT_OF_MEMORY, 0, std::string("cannot make a socket: ") + strerrordesc_np(errno)};
  }
  if (may_block && deadline != Instant::max()) {
    // Only connect() waits on it, for room in the agent's backlog (unix(7)).
    const timeval limit = to_timeval(std::max(Millis(wait_for(deadline)), Millis{1}));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  int result = 0;
  do {
    result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (result != 0 && errno == EINTR && wait_for(deadline) != 0);
  if (result != 0) {
    const int error = errno;
    ::close(fd);
    if (may_block && (error == EAGAIN || error == EINTR)) {
      return {TANTALUS_TIMED_OUT, 0, "the agent did not take the connection in time"};
    }
    return not_reachable(path, error);
  }
  fd_ = fd;
  limit_ = Millis{0};
  is_cutting_ = false;
  cutter_ = FrameCutter(FrameCutter::Side::client, max_reply);
  return {};
}

void Transport::close() noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
    fd_ = -1;
  }
  outbox_.clear();
  inbox_.clear();
  read_ = 0;
}

void Transport::restart(std::shared_ptr<LockedHeap> heap) {
  close();
  heap_ = std::move(heap);
  outbox_ = LockedBuffer(heap_);
  inbox_ = LockedBuffer(heap_);
}

bool Transport::send(std::span<const std::byte> bytes) {
  if (!is_sending()) {
    ssize_t count = 0;
    do {
      count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno != EAGAIN) {
      return false;
    }
    bytes = bytes.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
    if (bytes.empty()) {
      return true;
    }
  }
  return outbox_.append(bytes);
}

bool Transport::flush() {
  while (is_sending()) {
    const std::span<const std::byte> bytes = outbox_.bytes();
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno == EAGAIN;
    }
    outbox_.consume(static_cast<std::size_t>(count));
  }
  outbox_.clear();
  return true;
}

Transport::Received Transport::receive(Millis limit) {
  if (!make_room()) {
    return Received::no_memory;
  }
  if (limit.count() > 0 && limit != limit_) {
    const timeval time = to_timeval(limit == Millis::max() ? Millis{0} : limit);
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    limit_ = limit;
  }
  const std::span<std::byte> room = inbox_.room();
  const ssize_t count = recv(fd_, room.data(), room.size(), limit.count() > 0 ? 0 : MSG_DONTWAIT);
  if (count > 0) {
    inbox_.filled(static_cast<std::size_t>(count));
    return Received::bytes;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Received::nothing;
  }
  return Received::ended;
}

Result<std::span<const std::byte>> Transport::next_frame() {
  const std::span<const std::byte> unread = inbox_.bytes().subspan(read_);
  if (unread.empty()) {
    discard_read();
    return std::span<const std::byte>{};
  }
  Result<std::size_t> size = cutter_.next(unread);
  if (!size) {
    return std::unexpected(std::move(size.error()));
  }
  read_ += *size;
  is_cutting_ = *size == 0;
  return unread.first(*size);
}

std::span<const std::byte> Transport::whole() noexcept {
  return is_cutting_ ? std::span<const std::byte>{} : std::as_const(inbox_).bytes().subspan(read_);
}

void Transport::take_whole() noexcept {
  read_ = inbox_.bytes().size();
  discard_read();
}

bool Transport::make_room() {
  discard_read();
  if (inbox_.capacity() == 0) {
    return inbox_.reserve(first_inbox);
  }
  if (inbox_.room().empty()) {
    return inbox_.reserve(inbox_.capacity() * 2);
  }
  return true;
}

void Transport::discard_read() noexcept {
  if (read_ > 0) {
    inbox_.consume(std::exchange(read_, 0));
  }
  if (inbox_.capacity() > kept_inbox && inbox_.bytes().empty()) {
    inbox_.clear();
  }
}

}  // namespace tantalus::client
