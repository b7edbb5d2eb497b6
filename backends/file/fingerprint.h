// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cache/arena.h"
#include "protocol/error.h"

namespace tantalus {

/// What stands for bytes that aren't kept: 128 bits under a key of this process. Equal prints mean equal bytes; without
/// the key a print says nothing about them.
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Fingerprint&, const Fingerprint&) noexcept = default;
};

/// Makes fingerprints by SipHash-2-4 with its 128-bit result (Aumasson and Bernstein, 2012): nobody who may choose the
/// bytes knows the key, which is all that a secret-keyed hash needs, so that this layer links no libcrypto. The key
/// lies in locked memory: whoever gets hold of prints alone can't try passwords against them.
class Fingerprinter {
 public:
  using Key = std::span<const std::byte, 16>;

  /// With a random key. Fails with `overloaded` when locked memory has no room.
  [[nodiscard]] static Result<Fingerprinter> make(Arena& arena);
  Fingerprinter(Fingerprinter&& other) noexcept;
  Fingerprinter& operator=(Fingerprinter&&) = delete;
  Fingerprinter(const Fingerprinter&) = delete;
  Fingerprinter& operator=(const Fingerprinter&) = delete;
  ~Fingerprinter();

  [[nodiscard]] Fingerprint of(std::span<const std::byte> bytes) const noexcept;

 private:
  Fingerprinter(Arena& arena, std::byte* key) noexcept : arena_(arena), key_(key) {}
  Arena& arena_;
  std::byte* key_;
};

/// The hash itself, for its test against the published vectors.
[[nodiscard]] Fingerprint siphash128(Fingerprinter::Key key, std::span<const std::byte> bytes) noexcept;

}  // namespace tantalus
