// SPDX-License-Identifier: Apache-2.0
#include "cache/secret.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "cache/wipe.h"

namespace tantalus {

struct alignas(16) Secret::Block {
  Arena* arena;
  Account* account;  ///< Who pays for it; null: nobody.
  std::uint32_t count;
  std::uint32_t size;
  std::uint32_t capacity;

  [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] std::span<std::byte> room() noexcept { return {bytes(), capacity}; }
  [[nodiscard]] std::size_t cost() const noexcept { return arena->cost(sizeof(Block) + capacity); }

  using Allocate = void* (Arena::*)(std::size_t) noexcept;
  static Block* make(Arena& arena, std::size_t capacity, Allocate allocate = &Arena::allocate) noexcept {
    if (capacity > std::numeric_limits<std::uint32_t>::max() - sizeof(Block)) {
      return nullptr;  // Trap 59: neither this sum nor `capacity` wraps.
    }
    void* at = (arena.*allocate)(sizeof(Block) + capacity);
    if (at == nullptr) {
      return nullptr;
    }
    return ::new (at) Block{&arena, nullptr, 1, 0, static_cast<std::uint32_t>(capacity)};
  }

  /// The arena wipes it, header and all (trap 57).
  static void end(Block* block) noexcept {
    if (block->account != nullptr) {
      block->account->credit(block->cost());
    }
    block->arena->free(block);
  }
};

Secret::Secret(Secret&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    drop();
    block_ = std::exchange(other.block_, nullptr);
  }
  return *this;
}

Secret::~Secret() {
  drop();
}

Secret Secret::share() const noexcept {
  check(block_ != nullptr && block_->count != std::numeric_limits<std::uint32_t>::max(), "share of a moved Secret");
  ++block_->count;
  return Secret(block_);
}

std::span<const std::byte> Secret::expose() const noexcept {
  check(block_ != nullptr, "a moved Secret was read");
  return {block_->bytes(), block_->size};
}

std::size_t Secret::size() const noexcept {
  check(block_ != nullptr, "a moved Secret was asked for its size");
  return block_->size;
}

std::size_t Secret::cost() const noexcept {
  check(block_ != nullptr, "a moved Secret was asked for its cost");
  return block_->cost();
}

void Secret::drop() noexcept {
  Block* block = std::exchange(block_, nullptr);  // Trap 60: no handle is left to what is freed.
  if (block != nullptr && --block->count == 0) {
    Block::end(block);
  }
}

bool Secret::is_shared() const noexcept {
  return block_->count > 1;
}

bool Secret::is_charged() const noexcept {
  return block_->account != nullptr;
}

void Secret::charge_to(Account& account) noexcept {
  check(block_->account == nullptr, "a value was charged twice");
  block_->account = &account;
  account.charge(block_->cost());
}

Result<SecretWriter> SecretWriter::make(Arena& arena, std::size_t capacity) {
  Secret::Block* block = Secret::Block::make(arena, capacity);
  if (block == nullptr) {
    return fail(Code::overloaded, "there is no room in locked memory for this value");
  }
  return SecretWriter(block);
}

SecretWriter::SecretWriter(SecretWriter&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

SecretWriter& SecretWriter::operator=(SecretWriter&& other) noexcept {
  if (this != &other) {
    drop();
    block_ = std::exchange(other.block_, nullptr);
  }
  return *this;
}

SecretWriter::~SecretWriter() {
  drop();
}

std::span<std::byte> SecretWriter::room() noexcept {
  check(block_ != nullptr, "a moved SecretWriter was written to");
  return block_->room();
}

void SecretWriter::set_size(std::size_t size) noexcept {
  check(block_ != nullptr && size <= block_->capacity, "a value larger than its room");
  block_->size = static_cast<std::uint32_t>(size);
}

std::size_t SecretWriter::size() const noexcept {
  check(block_ != nullptr, "a moved SecretWriter was asked for its size");
  return block_->size;
}

Result<void> SecretWriter::append(std::span<const std::byte> bytes) {
  check(block_ != nullptr, "a moved SecretWriter was written to");
  if (bytes.empty()) {
    return {};
  }
  const std::size_t free = block_->capacity - block_->size;
  if (bytes.size() > free) {
    const std::size_t needed = block_->size + bytes.size();
    const bool wraps = needed < bytes.size();
    const std::size_t doubled = std::max<std::size_t>(needed, std::size_t{block_->capacity} * 2);
    if (wraps || (!grow_to(doubled) && (doubled == needed || !grow_to(needed)))) {
      return fail(Code::overloaded, "there is no room in locked memory for this value");
    }
  }
  std::memcpy(block_->bytes() + block_->size, bytes.data(), bytes.size());
  block_->size += static_cast<std::uint32_t>(bytes.size());
  return {};
}

Secret SecretWriter::freeze() && {
  check(block_ != nullptr, "a moved SecretWriter was frozen");
  const std::size_t fitting = block_->arena->cost(sizeof(Secret::Block) + block_->size);
  if (block_->cost() > fitting + fitting / 4) {
    Secret::Block* fitted = Secret::Block::make(*block_->arena, block_->size, &Arena::allocate_without_reclaim);
    if (fitted != nullptr) {
      std::memcpy(fitted->bytes(), block_->bytes(), block_->size);
      fitted->size = block_->size;
      Secret::Block::end(block_);
      block_ = fitted;
    }
  }
  wipe(block_->room().subspan(block_->size));
  return Secret(std::exchange(block_, nullptr));
}

void SecretWriter::drop() noexcept {
  if (Secret::Block* block = std::exchange(block_, nullptr)) {
    Secret::Block::end(block);
  }
}

bool SecretWriter::grow_to(std::size_t capacity) noexcept {
  Secret::Block* larger = Secret::Block::make(*block_->arena, capacity);
  if (larger == nullptr) {
    return false;
  }
  std::memcpy(larger->bytes(), block_->bytes(), block_->size);
  larger->size = block_->size;
  Secret::Block::end(block_);
  block_ = larger;
  return true;
}

}  // namespace tantalus
