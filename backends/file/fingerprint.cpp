// SPDX-License-Identifier: Apache-2.0
#include "backends/file/fingerprint.h"

#include <sys/random.h>

#include <bit>
#include <cstring>
#include <utility>

namespace tantalus {
namespace {

constexpr std::size_t key_size = 16;

std::uint64_t little_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    number |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return number;
}

struct State {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) noexcept {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = std::rotl(v1, 17) ^ v2;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 = std::rotl(v2, 32);
    }
  }
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  [[nodiscard]] std::uint64_t fold() const noexcept { return v0 ^ v1 ^ v2 ^ v3; }
};

}  // namespace

Fingerprint siphash128(Fingerprinter::Key key, std::span<const std::byte> bytes) noexcept {
  const std::uint64_t k0 = little_endian(key.first(8));
  const std::uint64_t k1 = little_endian(key.last(8));
  State state{k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU ^ 0xeeU, k0 ^ 0x6c7967656e657261U,
              k1 ^ 0x7465646279746573U};
  const std::uint64_t length = static_cast<std::uint64_t>(bytes.size()) << 56U;
  while (bytes.size() >= 8) {
    state.absorb(little_endian(bytes.first(8)));
    bytes = bytes.subspan(8);
  }
  state.absorb(length | little_endian(bytes));
  Fingerprint print;
  state.v2 ^= 0xeeU;
  state.rounds(4);
  print.low = state.fold();
  state.v1 ^= 0xddU;
  state.rounds(4);
  print.high = state.fold();
  return print;
}

Result<Fingerprinter> Fingerprinter::make(Arena& arena) {
  auto* key = static_cast<std::byte*>(arena.allocate(key_size));
  if (key == nullptr) {
    return fail(Code::overloaded, "no room in locked memory");
  }
  check(getrandom(key, key_size, 0) == static_cast<ssize_t>(key_size), "getrandom(2) failed");
  return Fingerprinter(arena, key);
}

Fingerprinter::Fingerprinter(Fingerprinter&& other) noexcept
    : arena_(other.arena_), key_(std::exchange(other.key_, nullptr)) {}

Fingerprinter::~Fingerprinter() {
  arena_.free(key_);
}

Fingerprint Fingerprinter::of(std::span<const std::byte> bytes) const noexcept {
  return siphash128(Key(key_, key_size), bytes);
}

}  // namespace tantalus
