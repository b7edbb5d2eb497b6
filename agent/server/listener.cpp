// SPDX-License-Identifier: Apache-2.0
#include "agent/server/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "agent/server/service.h"
#include "agent/server/turn.h"
#include "protocol/reply.h"

namespace tantalus {
namespace {

constexpr int most_accepts_a_wake = 32;
constexpr Millis pause_without_descriptors = std::chrono::milliseconds(100);

UniqueFd open_reserve() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Listener::Listener(ServerParts& parts, int socket)
    : parts_(parts),
      socket_(socket),
      reserve_(open_reserve()),
      watch_(parts.loop, socket, [this](unsigned) { accept_some(); }),
      resume_(parts.loop, [this] { watch_.want(FdWatch::readable); }) {
  // Inherited by what is accepted, and so set before the first byte is sent: each message names its sender (trap 20).
  const int on = 1;
  ::setsockopt(socket_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  parts_.listener = this;
}

Listener::~Listener() = default;

void Listener::start() {
  watch_.want(FdWatch::readable);
}

void Listener::accept_some() {
  // Callers mostly come alone, and then a second accept4() is a call for nothing: as many are asked for as came of
  // late.
  int accepted_now = 0;
  while (accepted_now < batch_) {
    const int fd = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      ++accepted_now;
      accepted(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) {
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      out_of_descriptors();
    }
    break;
  }
  batch_ = accepted_now == batch_ ? std::min(batch_ * 2, most_accepts_a_wake) : std::max(accepted_now, 1);
}

void Listener::accepted(int fd) {
  UniqueFd socket(fd);
  Result<Peer> peer = Peer::take(socket.get(), parts_.best_rung);
  if (!peer.has_value()) {
    turn_away(socket.get(), peer.error());
    return;
  }
  std::string owner = Quota::owner_of(*peer);
  if (!parts_.quota.admit_connection(owner)) {
    turn_away(socket.get(), {Code::overloaded, "too many connections", Millis{1'000}});
    return;
  }
  ++counters_.accepted;
  auto connection = std::make_unique<Connection>(parts_, std::move(socket), std::move(*peer), std::move(owner));
  Connection* at = connection.get();
  connections_.emplace(at, std::move(connection));
  at->start();
}

void Listener::turn_away(int fd, const Error& error) {
  ++counters_.refused;
  parts_.service.count_refusal(error.code);
  ReplyBuffer bytes;
  reply::error(bytes, 0, error);
  // Best effort: it fits into an empty socket's buffer.
  (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Gives the reserve to the caller at the front, tells it, and takes the reserve back. Where even that fails, waits.
void Listener::out_of_descriptors() {
  reserve_.reset();
  const int fd = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) {
    UniqueFd socket(fd);
    turn_away(socket.get(), {Code::overloaded, "the agent has no more descriptors", Millis{1'000}});
  }
  reserve_ = open_reserve();
  watch_.want(FdWatch::none);
  resume_.arm(parts_.loop.now() + pause_without_descriptors);
}

void Listener::drain() {
  watch_.want(FdWatch::none);
  resume_.disarm();
  for_each([](Connection& connection) { connection.close_when_served(); });
}

void Listener::for_each(const std::function<void(Connection&)>& visit) {
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& [connection, owned] : connections_) {
    all.push_back(connection);
  }
  for (Connection* connection : all) {
    visit(*connection);  // May close it: it is buried, not destroyed, until the turn ends.
  }
}

void Listener::forget(Connection& connection) {
  const auto found = connections_.find(&connection);
  parts_.quota.release_connection(connection.owner_);
  parts_.turn.bury(std::move(found->second));
  connections_.erase(found);
}

}  // namespace tantalus
