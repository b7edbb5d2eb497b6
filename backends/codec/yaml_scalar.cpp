// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/yaml_scalar.h"

#include <libfyaml.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/codec/yaml_block.h"
#include "backends/codec/yaml_quoted.h"

namespace tantalus::yaml {
namespace {

constexpr std::size_t smallest_room = 1024;

struct Extent {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Extent extent_of(fy_token* token, std::string_view source) noexcept {
  const fy_mark* const begin = fy_token_start_mark(token);
  const fy_mark* const end = fy_token_end_mark(token);
  if (begin == nullptr || end == nullptr || end->input_pos < begin->input_pos || end->input_pos > source.size()) {
    return {};
  }
  return {begin->input_pos, end->input_pos};
}

}  // namespace

std::expected<std::string_view, ScalarText::Failure> ScalarText::read(fy_token* token) {
  if (token == nullptr) {
    return std::string_view{};
  }
  const fy_scalar_style style = fy_token_scalar_style(token);
  const bool quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
  const bool block = style == FYSS_LITERAL || style == FYSS_FOLDED;
  // Of all escapes "\L" and "\P" grow most, from 2 bytes to 3. A block is decoded beside its draft, which may have a
  // line break more.
  const Extent extent = extent_of(token, source_);
  const std::size_t bytes = extent.end - extent.begin;
  const std::optional<std::span<char>> room = make_room(bytes + (block ? bytes : bytes / 2) + 16);
  if (!room) {
    return std::unexpected(Failure::no_room);
  }
  if (block) {
    return read_block(token, *room);
  }
  const std::expected<std::size_t, Failure> size = quoted ? decode_quoted(token, *room) : collect(token, *room);
  if (!size) {
    return std::unexpected(size.error());
  }
  return std::string_view{room->data(), *size};
}

/// The marks stand at the first line below the header and behind the last.
std::expected<std::string_view, ScalarText::Failure> ScalarText::read_block(fy_token* token, std::span<char> room) {
  const Extent extent = extent_of(token, source_);
  const std::string_view lines = source_.substr(extent.begin, extent.end - extent.begin);
  if (lines.find_first_not_of(' ') == std::string_view::npos) {
    return std::string_view{};  // The end of the file, which libfyaml can't make a draft of.
  }
  const std::span<char> to = room.first(lines.size());
  const std::span<char> for_draft = room.subspan(lines.size());
  const std::expected<std::size_t, Failure> drafted = collect(token, for_draft);
  if (!drafted) {
    return std::unexpected(drafted.error());
  }
  const bool folded = fy_token_scalar_style(token) == FYSS_FOLDED;
  const std::optional<std::size_t> size = decode_block(lines, folded, {for_draft.data(), *drafted}, to);
  if (!size) {
    return std::unexpected(Failure::invalid);
  }
  return std::string_view{to.data(), *size};
}

/// The marks stand behind the opening quote and on the closing one.
std::expected<std::size_t, ScalarText::Failure> ScalarText::decode_quoted(fy_token* token, std::span<char> room) const {
  const bool is_double = fy_token_scalar_style(token) == FYSS_DOUBLE_QUOTED;
  const char quote = is_double ? '"' : '\'';
  const Extent extent = extent_of(token, source_);
  if (extent.begin == 0 || extent.end >= source_.size() || source_[extent.begin - 1] != quote ||
      source_[extent.end] != quote) {
    return std::unexpected(Failure::invalid);
  }
  const std::string_view between = source_.substr(extent.begin, extent.end - extent.begin);
  const std::optional<std::size_t> size =
      is_double ? decode_double_quoted(between, room) : decode_single_quoted(between, room);
  if (!size) {
    return std::unexpected(Failure::invalid);
  }
  return *size;
}

std::expected<std::size_t, ScalarText::Failure> ScalarText::collect(fy_token* token, std::span<char> room) {
  std::size_t size = 0;
  bool whole = false;
  const bool had_room = memory_.run([&] {
    fy_token_iter* const iterator = fy_token_iter_create(token);
    int error = iterator == nullptr ? -1 : 0;
    const fy_iter_chunk* chunk = nullptr;
    while (error == 0 && (chunk = fy_token_iter_chunk_next(iterator, chunk, &error)) != nullptr) {
      if (chunk->len > room.size() - size) {
        error = -1;
        break;
      }
      std::memcpy(room.data() + size, chunk->str, chunk->len);
      size += chunk->len;
    }
    fy_token_iter_destroy(iterator);
    whole = error == 0;
  });
  if (!had_room) {
    return std::unexpected(Failure::no_room);
  }
  if (!whole) {
    return std::unexpected(Failure::invalid);
  }
  return size;
}

std::optional<std::span<char>> ScalarText::make_room(std::size_t bytes) {
  if (arena_ == nullptr) {
    heap_.resize(std::max(heap_.size(), bytes));
    return std::span(heap_);
  }
  if (!locked_ || locked_->room().size() < bytes) {
    locked_.reset();
    Result<SecretWriter> made = SecretWriter::make(*arena_, std::max(bytes, smallest_room));
    if (!made) {
      return std::nullopt;
    }
    locked_.emplace(std::move(*made));
  }
  const std::span<std::byte> room = locked_->room();
  return std::span(static_cast<char*>(static_cast<void*>(room.data())), room.size());
}

}  // namespace tantalus::yaml
