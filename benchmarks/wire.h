// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tantalus::bench {

/// One `resolve` of docs/protocol.md. Its msgid takes five bytes, so that requests with keys of one length have one
/// size.
[[nodiscard]] std::string resolve_request(const std::string& key);
[[nodiscard]] std::string resolve_many_request(const std::vector<std::string>& keys);

/// Finds where replies end in a stream of bytes, and which of them tell an error, without reading what they hold: the
/// agent's and the echo's replies cost the client the same.
class ReplyCounter {
 public:
  /// Takes the bytes of one read; answers how many replies ended in them.
  std::size_t feed(std::span<const std::byte> bytes);

  /// Replies with an error, or bytes that are no response at all.
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_; }
  [[nodiscard]] bool is_between_replies() const noexcept { return items_left_ == 0 && payload_left_ == 0; }

 private:
  void begin_item();

  std::uint64_t items_left_ = 0;    ///< Of the reply at hand: items whose header was not seen yet.
  std::uint64_t payload_left_ = 0;  ///< Of the string at hand.
  std::uint32_t item_ = 0;          ///< Which item of the reply the next header is: 0 is the outer array.
  std::array<unsigned char, 9> header_{};
  std::size_t header_size_ = 0;
  std::size_t header_wanted_ = 1;
  std::uint64_t failures_ = 0;
};

}  // namespace tantalus::bench
