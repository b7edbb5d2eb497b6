// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "protocol/error.h"

namespace tantalus {

/// Locked memory for everything secret: one mapping of `memfd_secret` (memfd_secret(2)) where the kernel has it, else
/// an anonymous one with mlock(2); guard pages on both sides, out of core dumps, absent after fork (promise 5).
/// Book-keeping lies outside the mapping. Size classes keep small values dense (trap 54); pages are faulted in as they
/// are first used. Every block is followed by a canary, checked when it is freed: a broken one aborts (trap 55).
/// Blocks are wiped whole when freed. Loop thread only, but for what says otherwise.
class Arena {
 public:
  enum class Kind : std::uint8_t { memfd_secret, mlock };

  struct Usage {
    Kind kind;
    std::size_t limit;  ///< Bytes of the mapping.
    std::size_t used;   ///< Bytes of blocks in use, each at its class's size.
    std::size_t peak;
    std::size_t blocks;
  };

  /// Which kinds may be tried: a test takes the second alone; the daemon takes both in order.
  struct Options {
    std::size_t bytes;
    bool try_memfd_secret = true;
  };

  /// Fails with `unavailable` where the memory can't be locked, with a message that names the limit and how to raise
  /// it. Never falls back to memory that isn't locked (trap 53).
  [[nodiscard]] static Result<std::unique_ptr<Arena>> make(Options options);

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  /// Wipes everything, used or not, then unmaps.
  ~Arena();

  /// `bytes` bytes (0 gives a block of one), aligned for any type, zeroed. Null when there is no room, after the
  /// reclaimer was asked for some: so it may end entries of a cache, and pointers to them.
  [[nodiscard]] void* allocate(std::size_t bytes) noexcept;
  /// The same at a multiple of `alignment`, a power of two of at most largest_alignment; null for a larger one.
  [[nodiscard]] void* allocate_aligned(std::size_t bytes, std::size_t alignment) noexcept;
  /// The same as allocate(), of what is free already.
  [[nodiscard]] void* allocate_without_reclaim(std::size_t bytes) noexcept;
  /// Wipes and frees; null is allowed. Aborts on a pointer that isn't a block's, a double free, a broken canary.
  void free(void* block) noexcept;
  /// How many bytes the block may use: those that were asked for.
  [[nodiscard]] std::size_t usable(const void* block) const noexcept;
  /// How many bytes allocate(bytes) would take of the limit.
  [[nodiscard]] std::size_t cost(std::size_t bytes) const noexcept;
  [[nodiscard]] bool owns(const void* address) const noexcept;      ///< Any thread.
  [[nodiscard]] std::span<const std::byte> range() const noexcept;  ///< What owns() is true for. Any thread.
  /// Faults in pages so that the next `bytes` of small blocks cost no page fault. For calls off the cached path.
  void prefault(std::size_t bytes) noexcept;
  [[nodiscard]] Usage usage() const noexcept;

  /// Called when there is no room for `bytes`: frees some blocks and returns whether it did; then it is tried again.
  /// It allocates nothing here.
  using Reclaimer = std::move_only_function<bool(std::size_t bytes)>;
  void set_reclaimer(Reclaimer reclaimer) noexcept;

  static constexpr std::size_t largest_alignment = 2048;

 private:
  class State;
  explicit Arena(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
