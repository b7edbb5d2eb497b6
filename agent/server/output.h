// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/secret.h"
#include "protocol/error.h"
#include "protocol/reply.h"

namespace tantalus {

/// What a connection has still to send: bytes that are not secret, and between them values that stay where they lie in
/// locked memory until the kernel has taken them. No allocation once it has grown; shrinks when it runs empty.
class Output {
 public:
  enum class Sent : std::uint8_t { all, some, failed };

  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Where replies are written to.
  [[nodiscard]] ReplyBuffer& bytes() noexcept { return bytes_; }
  /// Puts a value behind what was written so far.
  void add_value(Secret value);

  /// Begins a reply, so that drop_audited() can tell replies apart. `audited`: it may not leave without its line.
  void begin_reply(std::uint32_t msgid, bool audited);
  /// Replaces the audited replies since the last seal by `error`: their lines could not be written (promise 9).
  void deny_unsealed(const Error& error);
  /// What is queued may leave.
  void seal() noexcept;
  [[nodiscard]] bool has_unsealed() const noexcept { return !unsealed_.empty(); }

  /// Sends sealed bytes, at most about `most` of them, by sendmsg(2) straight from where they lie.
  [[nodiscard]] Sent send(int fd, std::size_t most);
  [[nodiscard]] bool is_empty() const noexcept { return queued() == 0; }
  /// Bytes not yet sent, values counted; what is unsealed too.
  [[nodiscard]] std::size_t queued() const noexcept { return queued_ + (bytes_.size() - sealed_) + unsealed_values_; }
  void clear() noexcept;

 private:
  struct Pinned {
    std::size_t at;  ///< The value follows the first `at` bytes.
    Secret value;
  };
  struct Reply {
    std::uint32_t msgid;
    bool audited;
    std::size_t bytes_at;
    std::size_t pins_at;
  };
  void recount() noexcept;
  /// Gives back what was sent, for a queue that never runs empty.
  void compact() noexcept;
  void advance(std::size_t sent) noexcept;

  ReplyBuffer bytes_;
  std::vector<Pinned> pins_;
  std::vector<Reply> unsealed_;
  std::size_t sent_bytes_ = 0;  ///< Of bytes_.
  std::size_t next_pin_ = 0;    ///< The first value not wholly sent.
  std::size_t sent_of_pin_ = 0;
  std::size_t queued_ = 0;  ///< Sealed bytes not yet sent, values counted.
  std::size_t sealed_ = 0;  ///< Of bytes_.
  std::size_t unsealed_values_ = 0;
};

}  // namespace tantalus
