// SPDX-License-Identifier: Apache-2.0
#include "backends/file/fingerprint.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"

namespace tantalus {
namespace {

std::string hex_of(const Fingerprint& print) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t word : {print.low, print.high}) {
    for (unsigned i = 0; i < 8; ++i) {
      const std::uint64_t byte = word >> (8 * i) & 0xffU;
      text += digits[byte >> 4U];
      text += digits[byte & 15U];
    }
  }
  return text;
}

TEST_CASE("fingerprints are SipHash-2-4 with 128 bits, by its published vectors") {
  std::array<std::byte, 16> key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::byte>(i);
  }
  // Key 00 … 0f, message 00 … n-1 (github.com/veorq/SipHash, vectors.h).
  for (const auto& [size, expected] :
       {std::pair{0U, "a3817f04ba25a8e66df67214c7550293"}, std::pair{1U, "da87c1d86b99af44347659119b22fc45"},
        std::pair{2U, "8177228da4a45dc7fca38bdef60affe4"}, std::pair{7U, "a1f1ebbed8dbc153c0b84aa61ff08239"},
        std::pair{8U, "3b62a9ba6258f5610f83e264f31497b4"}, std::pair{9U, "264499060ad9baabc47f8b02bb6d71ed"}}) {
    std::vector<std::byte> message(size);
    for (std::size_t i = 0; i < message.size(); ++i) {
      message[i] = static_cast<std::byte>(i);
    }
    CHECK(hex_of(siphash128(key, message)) == expected);
  }
}

TEST_CASE("each process has a key of its own for fingerprints, in locked memory") {
  Result<std::unique_ptr<Arena>> arena = Arena::make({.bytes = 1U << 16U});
  REQUIRE(arena);
  {
    const Result<Fingerprinter> one = Fingerprinter::make(**arena);
    const Result<Fingerprinter> other = Fingerprinter::make(**arena);
    REQUIRE((one && other));
    CHECK((*arena)->usage().blocks == 2);
    CHECK(one->of({}) == one->of({}));
    CHECK_FALSE(one->of({}) == other->of({}));
  }
  CHECK((*arena)->usage().blocks == 0);
}

}  // namespace
}  // namespace tantalus
