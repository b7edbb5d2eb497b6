// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace tantalus::wire {

using Bytes = std::span<const std::byte>;

/// One item of msgpack: a scalar whole, or of an array or a map its header alone, whose elements are items of their
/// own. Views the bytes that it was read from.
struct Item {
  enum class State : std::uint8_t { whole, incomplete, malformed };
  enum class Kind : std::uint8_t { nil, boolean, integer, real, str, bin, ext, array, map };

  State state = State::malformed;
  Kind kind = Kind::nil;     ///< Known from its first byte on, of an incomplete item too.
  bool is_negative = false;  ///< Of an integer: `number` is its two's complement.
  std::uint64_t number = 0;  ///< An integer, a boolean, an array's elements, a map's pairs.
  std::string_view text;     ///< The bytes of a str or bin; of an ext its type and its bytes.
  std::size_t end = 0;       ///< Where the next item begins; of an incomplete one, the least that can be.

  [[nodiscard]] bool is(Kind wanted) const noexcept { return state == State::whole && kind == wanted; }
  [[nodiscard]] std::optional<std::uint64_t> as_unsigned() const noexcept {
    return is(Kind::integer) && !is_negative ? std::optional(number) : std::nullopt;
  }
  /// How many items follow that belong to this one.
  [[nodiscard]] std::uint64_t children() const noexcept {
    return kind == Kind::array ? number : kind == Kind::map ? 2 * number : 0;
  }
};

/// Reads items with msgpack-c, the only file that does. It allocates when it is made, never when it reads.
class ItemReader {
 public:
  ItemReader();
  ItemReader(ItemReader&&) noexcept;
  ItemReader& operator=(ItemReader&&) noexcept;
  ItemReader(const ItemReader&) = delete;
  ItemReader& operator=(const ItemReader&) = delete;
  ~ItemReader();

  /// The item that begins at `at`, valid until the next read. Incomplete where `bytes` end before it does.
  [[nodiscard]] const Item& read(Bytes bytes, std::size_t at) noexcept;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

/// Walks over the items of a whole message. A cursor that came to malformed bytes or to the end of them is broken, and
/// gives malformed items from then on, which are of no kind: who walks asks once, at the end.
class Cursor {
 public:
  Cursor(ItemReader& reader, Bytes bytes) noexcept : reader_(&reader), bytes_(bytes) {}

  [[nodiscard]] const Item& next() noexcept;
  /// Past the next item and all that belongs to it.
  void skip() noexcept;

  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  void go_back_to(std::size_t at) noexcept { at_ = at; }
  [[nodiscard]] bool is_broken() const noexcept { return broken_; }
  [[nodiscard]] bool is_at_end() const noexcept { return at_ == bytes_.size(); }
  [[nodiscard]] Bytes since(std::size_t begin) const noexcept { return bytes_.subspan(begin, at_ - begin); }

 private:
  ItemReader* reader_;
  Bytes bytes_;
  std::size_t at_ = 0;
  bool broken_ = false;
};

}  // namespace tantalus::wire
