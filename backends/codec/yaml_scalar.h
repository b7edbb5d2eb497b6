// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cache/arena.h"
#include "cache/scoped_malloc.h"
#include "cache/secret.h"

struct fy_token;

namespace tantalus::yaml {

/// The text of one scalar after another, in the arena if there is one. libfyaml's own fy_token_get_text() is silent
/// when it runs out of memory (the text is empty then, or its end is whatever was in the block), and leaks where it has
/// misjudged a length; fy_token_iter_read() writes every chunk to the same place. What is quoted, and blocks of text,
/// are decoded here.
class ScalarText {
 public:
  enum class Failure : std::uint8_t { no_room, invalid };

  /// `source` is what the tokens are of; it outlives this, and so do the arena and the memory that libfyaml uses.
  ScalarText(std::string_view source, Arena* arena, ExpendableMalloc& memory) noexcept
      : source_(source), arena_(arena), memory_(memory) {}

  /// Valid until the next call. Null gives an empty text.
  [[nodiscard]] std::expected<std::string_view, Failure> read(fy_token* token);

 private:
  [[nodiscard]] std::expected<std::string_view, Failure> read_block(fy_token* token, std::span<char> room);
  [[nodiscard]] std::expected<std::size_t, Failure> decode_quoted(fy_token* token, std::span<char> room) const;
  [[nodiscard]] std::expected<std::size_t, Failure> collect(fy_token* token, std::span<char> room);
  [[nodiscard]] std::optional<std::span<char>> make_room(std::size_t bytes);

  std::string_view source_;
  Arena* arena_;
  ExpendableMalloc& memory_;
  std::vector<char> heap_;
  std::optional<SecretWriter> locked_;
};

}  // namespace tantalus::yaml
