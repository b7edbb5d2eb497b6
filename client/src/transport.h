// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "client/src/failure.h"
#include "client/src/locked.h"
#include "protocol/frame.h"
#include "protocol/instant.h"

namespace tantalus::client {

[[nodiscard]] Instant now() noexcept;  ///< CLOCK_BOOTTIME.
/// What is left until `deadline`, for poll(2): -1 for Instant::max(), rounded up else.
[[nodiscard]] int wait_for(Instant deadline) noexcept;

/// One connection: bytes out, frames in. Received bytes go straight into locked memory and are wiped behind the last
/// frame. The socket itself blocks, so that a blocking call is one send and one recv; all else is MSG_DONTWAIT.
class Transport {
 public:
  explicit Transport(std::shared_ptr<LockedHeap> heap);
  ~Transport() { close(); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] Failure open(const std::string& path, Instant deadline, bool may_block);
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  void close() noexcept;
  /// In a forked child: lets go of the parent's connection and memory.
  void restart(std::shared_ptr<LockedHeap> heap);

  /// Sends what can be sent without blocking and keeps the rest. False: the connection has ended.
  [[nodiscard]] bool send(std::span<const std::byte> bytes);
  [[nodiscard]] bool flush();
  [[nodiscard]] bool is_sending() const noexcept { return !outbox_.bytes().empty(); }

  enum class Received : unsigned char { bytes, nothing, ended, no_memory };
  /// Receives once. `limit`: blocks at most so long; zero: doesn't block.
  [[nodiscard]] Received receive(Millis limit);
  /// The next whole frame, valid until the next call of anything here; empty: more bytes are needed.
  [[nodiscard]] Result<std::span<const std::byte>> next_frame();
  /// All that has arrived, if the next frame begins there and next_frame() has seen none of it; else empty. Where that
  /// turns out to be one whole reply, take_whole() takes it, and it need not be cut at all.
  [[nodiscard]] std::span<const std::byte> whole() noexcept;
  void take_whole() noexcept;
  /// Whether part of a frame has arrived.
  [[nodiscard]] bool is_within_frame() const noexcept { return read_ < inbox_.bytes().size(); }

 private:
  [[nodiscard]] bool make_room();
  void discard_read() noexcept;

  int fd_ = -1;
  Millis limit_{0};  ///< The socket's SO_RCVTIMEO.
  std::shared_ptr<LockedHeap> heap_;
  LockedBuffer outbox_;  ///< Locked, since a token may be among it.
  LockedBuffer inbox_;
  std::size_t read_ = 0;     ///< Bytes of inbox_ that were handed out.
  bool is_cutting_ = false;  ///< The cutter is within a frame.
  FrameCutter cutter_;
};

}  // namespace tantalus::client
