// SPDX-License-Identifier: Apache-2.0
#include "backends/codec/json.h"

#include <rapidjson/reader.h>

#include <algorithm>

#include "backends/codec/utf8.h"

namespace tantalus::json {
namespace {

constexpr std::size_t max_size = std::size_t{1} << 31U;  // RapidJSON's sizes are 32 bits wide.

/// Strings in place need no stack, so RapidJSON has nothing to allocate; a version that does would put pieces of values
/// on the heap.
struct NoAllocator {
  [[maybe_unused]] static constexpr bool kNeedFree = false;
  void* Malloc(std::size_t) { abort_because("RapidJSON wants memory"); }
  void* Realloc(void*, std::size_t, std::size_t) { abort_because("RapidJSON wants memory"); }
  static void Free(void*) noexcept {}
};

struct StringHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, StringHandler> {
  bool String(const char* begin, rapidjson::SizeType size, bool) {
    text = {begin, size};
    return true;
  }
  std::string_view text;
};

const char* words_for(rapidjson::ParseErrorCode code) noexcept {
  switch (code) {
    case rapidjson::kParseErrorStringMissQuotationMark:
      return "a string that doesn't end";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "an unknown escape in a string";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "a \\u that isn't followed by four hexadecimal digits";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "half of a surrogate pair in a string";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "a control character in a string";
    default:
      return "not valid JSON";
  }
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

EventStream::EventStream(std::span<char> text_and_padding, std::size_t max_depth)
    : text_(text_and_padding), size_(text_and_padding.size() - padding), max_depth_(max_depth) {
  check(text_and_padding.size() >= padding &&
            std::ranges::all_of(text_and_padding.last(padding), [](char c) { return c == '\0'; }),
        "a JSON text needs zeros behind it");
}

Parsed<ParseEvent> EventStream::next() {
  skip_blanks();
  begin_ = at_;
  switch (expect_) {
    case Expect::document:
      return document();
    case Expect::value:
      return value();
    case Expect::first_item:
      return peek() == ']' ? close() : value();
    case Expect::first_key:
      return peek() == '}' ? close() : key();
    case Expect::comma_or_end:
      return after_item();
    case Expect::document_end:
      expect_ = Expect::document;
      return make(ParseEvent::Kind::document_end);
  }
  return wrong("not valid JSON");
}

Parsed<ParseEvent> EventStream::document() {
  if (first_) {
    first_ = false;
    if (size_ >= max_size) {
      return wrong("the text is too large");
    }
    if (const std::size_t bad = first_not_utf8({text_.data(), size_}); bad != size_) {
      const std::string_view before{text_.data(), bad};
      const auto line = static_cast<std::uint32_t>(std::ranges::count(before, '\n')) + 1;
      const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0.
      return refuse({line, static_cast<std::uint32_t>(bad - begin) + 1}, "not UTF-8");
    }
  }
  if (at_ == size_) {
    return make(ParseEvent::Kind::stream_end);
  }
  expect_ = Expect::value;
  return make(ParseEvent::Kind::document_start);
}

Parsed<ParseEvent> EventStream::value() {
  switch (peek()) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      item_ended();
      return string();
    case 't':
    case 'f':
    case 'n':
      item_ended();
      return literal();
    default:
      item_ended();
      return number();
  }
}

Parsed<ParseEvent> EventStream::open(bool mapping) {
  if (open_.size() == max_depth_) {
    return wrong("nested too deeply");
  }
  ParseEvent made = make(mapping ? ParseEvent::Kind::mapping_start : ParseEvent::Kind::sequence_start);
  ++at_;
  open_.push_back(mapping);
  expect_ = mapping ? Expect::first_key : Expect::first_item;
  return made;
}

Parsed<ParseEvent> EventStream::close() {
  ParseEvent made = make(open_.back() ? ParseEvent::Kind::mapping_end : ParseEvent::Kind::sequence_end);
  ++at_;
  open_.pop_back();
  item_ended();
  return made;
}

Parsed<ParseEvent> EventStream::key() {
  if (peek() != '"') {
    return wrong("a key in quotes is expected");
  }
  Parsed<ParseEvent> name = string();
  if (!name) {
    return name;
  }
  skip_blanks();
  if (!take(':')) {
    return wrong("a ':' after the key is missing");
  }
  expect_ = Expect::value;
  return name;
}

Parsed<ParseEvent> EventStream::after_item() {
  const bool mapping = open_.back();
  if (peek() == (mapping ? '}' : ']')) {
    return close();
  }
  if (!take(',')) {
    return wrong(mapping ? "a ',' or '}' is expected" : "a ',' or ']' is expected");
  }
  skip_blanks();
  begin_ = at_;
  return mapping ? key() : value();
}

Parsed<ParseEvent> EventStream::string() {
  constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseStopWhenDoneFlag;
  ParseEvent made = make(ParseEvent::Kind::scalar);
  made.plain = false;
  NoAllocator none;
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, NoAllocator> reader(&none, 0);
  rapidjson::InsituStringStream stream(text_.data() + at_);
  StringHandler handler;
  const rapidjson::ParseResult parsed = reader.Parse<flags>(stream, handler);
  if (parsed.IsError()) {
    at_ = std::min(at_ + parsed.Offset(), size_);
    return wrong(words_for(parsed.Code()));
  }
  // RapidJSON takes the second half of a surrogate pair alone. The text is UTF-8, so that only escapes can spoil it.
  const bool has_escapes = handler.text.size() + 2 != stream.Tell();
  if (has_escapes && first_not_utf8(handler.text) != handler.text.size()) {
    return wrong(words_for(rapidjson::kParseErrorStringUnicodeSurrogateInvalid));
  }
  at_ += stream.Tell();
  made.text = handler.text;
  return made;
}

// RapidJSON refuses numbers that no double holds; here they keep their text (trap 90).
Parsed<ParseEvent> EventStream::number() {
  ParseEvent made = make(ParseEvent::Kind::scalar);
  const std::size_t begin = at_;
  take('-');
  if (!take('0') && take_digits() == 0) {
    return wrong("a value is expected");
  }
  if (take('.') && take_digits() == 0) {
    return wrong("a digit is expected");
  }
  if (take('e') || take('E')) {
    if (!take('+')) {
      take('-');
    }
    if (take_digits() == 0) {
      return wrong("a digit is expected");
    }
  }
  made.text = {text_.data() + begin, at_ - begin};
  return made;
}

Parsed<ParseEvent> EventStream::literal() {
  ParseEvent made = make(ParseEvent::Kind::scalar);
  const std::string_view rest{text_.data() + at_, size_ - at_};
  for (const std::string_view word : {"true", "false", "null"}) {
    if (rest.starts_with(word)) {
      made.text = rest.substr(0, word.size());
      at_ += word.size();
      return made;
    }
  }
  return wrong("a value is expected");
}

Parsed<ParseEvent> EventStream::wrong(const char* what) const {
  return refuse(here(), at_ >= size_ ? "the text ends too early" : what);
}

ParseEvent EventStream::make(ParseEvent::Kind kind) noexcept {
  ParseEvent made;
  made.kind = kind;
  made.plain = kind == ParseEvent::Kind::scalar;
  made.at = here();
  return made;
}

Position EventStream::here() const noexcept {
  return {line_, static_cast<std::uint32_t>(at_ - line_begin_) + 1};
}

bool EventStream::take(char wanted) noexcept {
  if (peek() != wanted) {
    return false;
  }
  ++at_;
  return true;
}

std::size_t EventStream::take_digits() noexcept {
  const std::size_t begin = at_;
  while (is_digit(peek())) {
    ++at_;
  }
  return at_ - begin;
}

void EventStream::skip_blanks() noexcept {
  while (true) {
    const char c = peek();
    if (c == '\n') {
      ++line_;
      line_begin_ = at_ + 1;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      return;
    }
    ++at_;
  }
}

}  // namespace tantalus::json
