// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "backends/codec/parse_event.h"
#include "cache/arena.h"
#include "cache/secret.h"
#include "protocol/error.h"

/// JSON (RFC 8259) over locked memory: nothing of the text is ever copied to the heap.
namespace tantalus::json {

/// Zero bytes that follow a text which is parsed in place: strings are scanned 16 bytes at a time (SSE2).
inline constexpr std::size_t padding = 16;

/// The events of one or several JSON texts in a row. Works in place: strings are decoded where they stand, so that a
/// text is parsed once. Numbers and literals come as plain scalars, with their text.
class EventStream {
 public:
  /// The text and behind it `padding` zeros; outlives the stream.
  EventStream(std::span<char> text_and_padding, std::size_t max_depth);

  /// After `stream_end` or a problem, nothing more may be asked.
  [[nodiscard]] Parsed<ParseEvent> next();
  /// How much of the text has been read.
  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  /// Where the event that next() gave last begins.
  [[nodiscard]] std::size_t event_begin() const noexcept { return begin_; }

 private:
  enum class Expect : std::uint8_t { document, value, first_item, first_key, comma_or_end, document_end };

  Parsed<ParseEvent> document();
  Parsed<ParseEvent> value();
  Parsed<ParseEvent> open(bool mapping);
  Parsed<ParseEvent> close();
  Parsed<ParseEvent> key();
  Parsed<ParseEvent> after_item();
  Parsed<ParseEvent> string();
  Parsed<ParseEvent> number();
  Parsed<ParseEvent> literal();
  [[nodiscard]] Parsed<ParseEvent> wrong(const char* what) const;
  [[nodiscard]] ParseEvent make(ParseEvent::Kind kind) noexcept;
  [[nodiscard]] Position here() const noexcept;
  [[nodiscard]] char peek() const noexcept { return text_[at_]; }  // The padding ends every text.
  bool take(char wanted) noexcept;
  std::size_t take_digits() noexcept;
  void skip_blanks() noexcept;
  void item_ended() noexcept { expect_ = open_.empty() ? Expect::document_end : Expect::comma_or_end; }

  std::span<char> text_;
  std::size_t size_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::uint32_t line_ = 1;
  std::size_t line_begin_ = 0;
  Expect expect_ = Expect::document;
  bool first_ = true;
  std::vector<bool> open_;  // True: a mapping.
};

/// One member of a value that is a JSON object: a string as its bytes, anything else as its JSON text, unchanged.
/// Fails with not_found (no such member), invalid_request (no JSON object, or a member that stands twice) or
/// overloaded (no room).
[[nodiscard]] Result<Secret> json_member(Arena& arena, const Secret& json, std::string_view field);

}  // namespace tantalus::json
