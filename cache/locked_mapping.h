// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "cache/arena.h"
#include "protocol/error.h"

namespace tantalus {

/// Pages that are never swapped, dumped or inherited, between two pages that can't be touched (promise 5). The whole of
/// it is taken and counted against RLIMIT_MEMLOCK at once; its pages are faulted in as they are used.
class LockedMapping {
 public:
  /// `bytes` is a multiple of the page size.
  [[nodiscard]] static Result<LockedMapping> make(std::size_t bytes, bool try_memfd_secret);

  LockedMapping(LockedMapping&& other) noexcept;
  LockedMapping& operator=(LockedMapping&&) = delete;
  LockedMapping(const LockedMapping&) = delete;
  LockedMapping& operator=(const LockedMapping&) = delete;
  ~LockedMapping();  ///< Unmaps; wiping is its owner's, who knows which pages were used.

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] Arena::Kind kind() const noexcept { return kind_; }

  static constexpr std::size_t page = 4096;

 private:
  LockedMapping() = default;
  [[nodiscard]] bool reserve(std::size_t bytes) noexcept;
  [[nodiscard]] bool map_memfd_secret() noexcept;
  [[nodiscard]] bool map_and_lock() noexcept;

  std::span<std::byte> reserved_;  ///< With the guard pages.
  std::span<std::byte> bytes_;
  Arena::Kind kind_ = Arena::Kind::memfd_secret;
};

}  // namespace tantalus
