// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string_view>

namespace tantalus {

/// SHA-256 as 64 lower-case hex digits.
using HashText = std::array<char, 64>;

[[nodiscard]] inline std::string_view view(const HashText& hash) noexcept {
  return {hash.data(), hash.size()};
}

/// SHA-256 (FIPS 180-4) by libcrypto: its algorithm is fetched once and its context reused, so that a line costs no
/// allocation and half of what one-shot digests do.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  /// Of everything since the last finish().
  void add(std::string_view bytes) noexcept;
  [[nodiscard]] HashText finish() noexcept;
  [[nodiscard]] HashText of(std::string_view bytes) noexcept {
    add(bytes);
    return finish();
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
