// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/account.h"
#include "cache/arena.h"
#include "protocol/error.h"

namespace tantalus {

/// A value in locked memory: shared by count, never copied, wiped with its last handle. Loop thread only; the arena
/// outlives every handle. There is no operator<<, no formatter and no conversion: it can't be logged by accident.
class Secret {
 public:
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] Secret share() const noexcept;  ///< A second handle is asked for by name. No allocation.
  /// The only way to the bytes, so that `grep expose` lists every line that can see a value.
  [[nodiscard]] std::span<const std::byte> expose() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  /// What it takes of the arena's limit, its header included.
  [[nodiscard]] std::size_t cost() const noexcept;

 private:
  friend class SecretWriter;
  friend class Cache;  // Charges values to domains, and passes over those in use.
  struct Block;        // In the arena: arena, account, count, size, capacity; the bytes follow.
  explicit Secret(Block* block) noexcept : block_(block) {}
  void drop() noexcept;
  [[nodiscard]] bool is_shared() const noexcept;   ///< Whether there is another handle.
  [[nodiscard]] bool is_charged() const noexcept;  ///< Whether some account pays for it.
  void charge_to(Account& account) noexcept;       ///< Once; credited when it is wiped.
  Block* block_;
};

/// Fills locked memory, then freezes it into a Secret. Move-only; what is not frozen is wiped.
class SecretWriter {
 public:
  /// Room for `capacity` bytes. Fails with `overloaded` when the arena has none.
  [[nodiscard]] static Result<SecretWriter> make(Arena& arena, std::size_t capacity);
  SecretWriter(SecretWriter&& other) noexcept;
  SecretWriter& operator=(SecretWriter&& other) noexcept;
  SecretWriter(const SecretWriter&) = delete;
  SecretWriter& operator=(const SecretWriter&) = delete;
  ~SecretWriter();

  /// All the capacity, to be written in place; say how much by set_size().
  [[nodiscard]] std::span<std::byte> room() noexcept;
  void set_size(std::size_t size) noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  /// Grows by allocating, copying and wiping (trap 58). Fails with `overloaded`; what was written stays.
  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes);
  /// Ends the writing; what lies behind set_size() is wiped. A block that is much larger than the value is exchanged
  /// for a fitting one when there is room.
  [[nodiscard]] Secret freeze() &&;

 private:
  explicit SecretWriter(Secret::Block* block) noexcept : block_(block) {}
  void drop() noexcept;
  [[nodiscard]] bool grow_to(std::size_t capacity) noexcept;
  Secret::Block* block_;
};

}  // namespace tantalus
