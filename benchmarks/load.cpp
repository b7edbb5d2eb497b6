// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/load.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "benchmarks/unix_socket.h"
#include "benchmarks/wire.h"

namespace tantalus::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// Collects the samples of a run; the first part of it only warms caches up and does not count.
class Meter {
 public:
  explicit Meter(std::chrono::milliseconds duration)
      : counts_from_(Clock::now() + duration / 10), ends_(counts_from_ + duration) {
    samples_.reserve(1U << 20U);
  }

  void add(Clock::time_point sent, Clock::time_point done, std::size_t replies = 1) {
    if (done < counts_from_) {
      return;
    }
    last_ = done;
    replies_ += replies;
    if (samples_.size() < samples_.capacity()) {
      samples_.push_back(static_cast<std::uint32_t>((done - sent).count()));
    }
  }
  [[nodiscard]] bool is_over(Clock::time_point now) const { return now >= ends_; }
  [[nodiscard]] RunResult result(std::uint64_t failures) {
    const double seconds = std::chrono::duration<double>(last_ - counts_from_).count();
    RunResult result = summarize(samples_, replies_, seconds);
    result.failures = failures;
    return result;
  }

 private:
  Clock::time_point counts_from_;
  Clock::time_point ends_;
  Clock::time_point last_;
  std::uint64_t replies_ = 0;
  std::vector<std::uint32_t> samples_;
};

std::span<std::byte> input_buffer() {
  static std::array<std::byte, std::size_t{256} * 1024> buffer;
  return buffer;
}

/// Blocks until `wanted` replies have ended.
void await_replies(int fd, ReplyCounter& counter, std::size_t wanted) {
  while (wanted > 0) {
    wanted -= counter.feed(receive_some(fd, input_buffer()));
  }
}

RunResult drive_in_sequence(const std::string& socket, const Load& load, std::chrono::milliseconds duration) {
  const Descriptor peer = connect_to(socket);
  ReplyCounter counter;
  Meter meter(duration);
  for (auto sent = Clock::now(); !meter.is_over(sent);) {
    send_all(peer.get(), bytes_of(load.requests.front()));
    await_replies(peer.get(), counter, 1);
    const auto done = Clock::now();
    meter.add(sent, done);
    sent = done;
  }
  return meter.result(counter.failures());
}

RunResult drive_reconnecting(const std::string& socket, const Load& load, std::chrono::milliseconds duration) {
  std::uint64_t failures = 0;
  Meter meter(duration);
  for (auto sent = Clock::now(); !meter.is_over(sent);) {
    {
      const Descriptor peer = connect_to(socket);
      ReplyCounter counter;
      send_all(peer.get(), bytes_of(load.requests.front()));
      await_replies(peer.get(), counter, 1);
      failures += counter.failures();
    }
    const auto done = Clock::now();
    meter.add(sent, done);
    sent = done;
  }
  return meter.result(failures);
}

/// The requests of one connection, as many as may be under way on it.
std::string window_of(const Load& load, std::size_t connection) {
  std::string window;
  for (std::size_t i = 0; i < load.depth; ++i) {
    window += load.requests[(connection + i) % load.requests.size()];
  }
  return window;
}

/// Keeps `depth` requests under way: as many are sent as replies came. Latency is that of a whole window.
RunResult drive_pipelined(const std::string& socket, const Load& load, std::chrono::milliseconds duration) {
  const Descriptor peer = connect_to(socket);
  const std::string window = window_of(load, 0);
  const std::size_t request_bytes = load.requests.front().size();
  ReplyCounter counter;
  Meter meter(duration);
  send_all(peer.get(), bytes_of(window));
  for (auto sent = Clock::now(); !meter.is_over(sent);) {
    const std::size_t ended = counter.feed(receive_some(peer.get(), input_buffer()));
    send_all(peer.get(), bytes_of(window).first(ended * request_bytes));
    const auto done = Clock::now();
    meter.add(sent, done, ended);
    sent = done;
  }
  return meter.result(counter.failures());
}

struct Peer {
  Descriptor socket;
  ReplyCounter counter;
  Clock::time_point sent;
  std::string window;
};

RunResult drive_many(const std::string& socket, const Load& load, std::chrono::milliseconds duration) {
  const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  const std::size_t request_bytes = load.requests.front().size();
  std::vector<Peer> peers(load.connections);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers[i].socket = connect_to(socket);
    peers[i].window = window_of(load, i);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, peers[i].socket.get(), &event) != 0) {
      give_up("epoll_ctl");
    }
  }
  Meter meter(duration);
  for (Peer& peer : peers) {
    peer.sent = Clock::now();
    send_all(peer.socket.get(), bytes_of(peer.window));
  }
  std::array<epoll_event, 64> events{};
  for (auto now = Clock::now(); !meter.is_over(now);) {
    const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      Peer& peer = peers[events[static_cast<std::size_t>(i)].data.u64];
      const std::size_t ended = peer.counter.feed(receive_some(peer.socket.get(), input_buffer()));
      if (ended == 0) {
        continue;
      }
      now = Clock::now();
      meter.add(peer.sent, now, ended);
      peer.sent = now;
      send_all(peer.socket.get(), bytes_of(peer.window).first(ended * request_bytes));
    }
  }
  std::uint64_t failures = 0;
  for (const Peer& peer : peers) {
    failures += peer.counter.failures();
  }
  return meter.result(failures);
}

}  // namespace

RunResult drive(const std::string& socket, const Load& load, std::chrono::milliseconds duration) {
  if (load.reconnect) {
    return drive_reconnecting(socket, load, duration);
  }
  if (load.connections > 1) {
    return drive_many(socket, load, duration);
  }
  if (load.depth > 1) {
    return drive_pipelined(socket, load, duration);
  }
  return drive_in_sequence(socket, load, duration);
}

std::string ask_once(const std::string& socket, const std::string& request) {
  const Descriptor peer = connect_to(socket);
  send_all(peer.get(), bytes_of(request));
  ReplyCounter counter;
  std::string reply;
  while (true) {
    const std::span<const std::byte> part = receive_some(peer.get(), input_buffer());
    reply.append(reinterpret_cast<const char*>(part.data()), part.size());
    if (counter.feed(part) > 0) {
      return reply;
    }
  }
}

}  // namespace tantalus::bench
