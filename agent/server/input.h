// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace tantalus {

/// Bytes of a peer that wait for the rest of their frame, or for their turn. Empty most of the time, and then it holds
/// no memory. Wiped whenever it gives memory back: a `hello` can carry a token.
class InputBuffer {
 public:
  InputBuffer() = default;
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;
  ~InputBuffer() { release(); }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get() + from_, to_ - from_}; }
  [[nodiscard]] std::size_t size() const noexcept { return to_ - from_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Room for `more` bytes behind what is there; tell how many came by grow().
  [[nodiscard]] std::span<std::byte> room(std::size_t more);
  void grow(std::size_t bytes) noexcept { to_ += bytes; }
  void append(std::span<const std::byte> bytes);
  /// Forgets the first `bytes`; the last one gives the memory back.
  void consume(std::size_t bytes) noexcept;
  void release() noexcept;

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t from_ = 0;
  std::size_t to_ = 0;
};

}  // namespace tantalus
