// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace tantalus {

/// A place in a text, both counted from 1. 0: not known.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend bool operator==(const Position&, const Position&) noexcept = default;
};

/// Why a text was refused, in our own words: no parser's text and nothing of the text itself, which may be a secret
/// (trap 137).
struct Problem {
  Position at;
  std::string what;
  bool no_room = false;  ///< Locked memory was full; the text may be right.
};

template <class T>
class [[nodiscard]] Parsed : public std::expected<T, Problem> {
 public:
  using std::expected<T, Problem>::expected;
};

[[nodiscard]] inline std::unexpected<Problem> refuse(Position at, std::string what) {
  return std::unexpected<Problem>(Problem{at, std::move(what), false});
}

}  // namespace tantalus
