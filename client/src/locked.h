// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace tantalus::client {

/// A wipe that the compiler keeps.
void wipe(std::span<std::byte> bytes) noexcept;

/// Memory for values: locked where this process may lock memory, out of core dumps, zeros in a forked child. Blocks are
/// powers of two cut from a few regions, so that a call costs no system call; what is freed is wiped first. Any thread
/// may allocate and free. Books are kept outside the regions, since those read as zeros after a fork.
class LockedHeap {
 public:
  /// Null when the system has no memory.
  [[nodiscard]] static std::shared_ptr<LockedHeap> make();
  ~LockedHeap();
  LockedHeap(const LockedHeap&) = delete;
  LockedHeap& operator=(const LockedHeap&) = delete;

  /// At least `size` bytes of zeros, aligned to 64; empty when the system has no memory.
  [[nodiscard]] std::span<std::byte> allocate(std::size_t size) noexcept;
  void release(std::span<std::byte> block) noexcept;

  [[nodiscard]] bool is_locked() const noexcept { return locked_; }
  /// Whether this is a forked child's copy, in which every value is gone.
  [[nodiscard]] bool is_forked() const noexcept;

 private:
  static constexpr std::size_t smallest = 64;
  static constexpr std::size_t classes = 11;  // 64 bytes to 64 KiB; what is larger has a mapping of its own
  static constexpr std::size_t largest = smallest << (classes - 1);

  LockedHeap() = default;
  [[nodiscard]] std::span<std::byte> map(std::size_t size) noexcept;
  [[nodiscard]] static std::size_t class_of(std::size_t size) noexcept;

  std::mutex mutex_;
  std::vector<std::span<std::byte>> regions_;
  std::array<std::vector<std::byte*>, classes> free_;
  std::span<std::byte> uncut_;
  const volatile std::byte* marker_ = nullptr;  ///< In the first region: 1, and 0 in a forked child.
  bool locked_ = true;
  bool wiped_on_fork_ = true;
  pid_t owner_ = 0;  ///< Asked only where the kernel has no MADV_WIPEONFORK.
};

/// A block that grows: the bytes of one connection's replies, or text that holds values. Growing copies and wipes.
class LockedBuffer {
 public:
  explicit LockedBuffer(std::shared_ptr<LockedHeap> heap) noexcept : heap_(std::move(heap)) {}
  ~LockedBuffer() { clear(); }
  LockedBuffer(LockedBuffer&& other) noexcept;
  LockedBuffer& operator=(LockedBuffer&& other) noexcept;

  /// Room for `capacity` bytes in all; false when the system has no memory.
  [[nodiscard]] bool reserve(std::size_t capacity) noexcept;
  [[nodiscard]] bool append(std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return block_.first(size_); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return block_.first(size_); }
  [[nodiscard]] std::span<std::byte> room() noexcept { return block_.subspan(size_); }
  [[nodiscard]] std::size_t capacity() const noexcept { return block_.size(); }
  /// `count` bytes of room() were filled.
  void filled(std::size_t count) noexcept { size_ += count; }
  /// Takes `count` bytes off the front, wiping what is left behind.
  void consume(std::size_t count) noexcept;
  /// Takes `count` bytes off the end, wiping them.
  void shorten(std::size_t count) noexcept;
  /// Wipes and gives back everything.
  void clear() noexcept;

 private:
  std::shared_ptr<LockedHeap> heap_;
  std::span<std::byte> block_;
  std::size_t size_ = 0;
};

}  // namespace tantalus::client
