// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace tantalus {

/// Cuts one connection's byte stream into messages (MessagePack-RPC has no length prefix). It goes on where it stopped:
/// an item that it has passed is not looked at again, of an incomplete one its header alone, and so the work is the
/// same however the bytes arrive (trap 30). It holds a place in the stream, never bytes. No allocation after its
/// construction.
///
/// What isn't a message is a framing error (docs/protocol.md, "Errors"): the first byte no array, a wrong array size or
/// type, depth over 16, a declared length that can't fit into `max_frame`, refused when its header is seen (trap 27).
/// Then the connection ends: a cutter that has refused is not used again (trap 28).
class FrameCutter {
 public:
  /// What the stream carries: an agent reads requests and notifications, a client responses and notifications.
  enum class Side : unsigned char { agent, client };

  explicit FrameCutter(Side side, std::size_t max_frame = limits::max_frame);
  FrameCutter(FrameCutter&&) noexcept;
  FrameCutter& operator=(FrameCutter&&) noexcept;
  FrameCutter(const FrameCutter&) = delete;
  FrameCutter& operator=(const FrameCutter&) = delete;
  ~FrameCutter();

  /// `unread` starts where the last frame ended, and holds all that has arrived since (the bytes of an incomplete frame
  /// again, possibly elsewhere, and more). A size: that many bytes are the next frame. 0: more bytes are needed. Fails
  /// with invalid_request or too_large. Trailing bytes are the next frame's.
  [[nodiscard]] Result<std::size_t> next(std::span<const std::byte> unread);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
