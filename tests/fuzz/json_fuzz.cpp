// SPDX-License-Identifier: Apache-2.0
// A value from which a member is asked (`field`): the first line names it, the rest is the value. What comes is a
// string of the value or a piece of its text that is JSON by itself, and locked memory is given back.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/codec/json.h"
#include "backends/codec/utf8.h"
#include "protocol/error.h"

namespace {

using namespace tantalus;

std::unique_ptr<Arena> make_arena() {
  Result<std::unique_ptr<Arena>> made = Arena::make({.bytes = 1U << 20U});
  check(made.has_value(), "no locked memory");
  return std::move(*made);
}

/// Whether it is texts of JSON in a row, and how many.
int texts_in(std::string_view text) {
  std::vector<char> room(text.begin(), text.end());
  room.resize(text.size() + json::padding);
  json::EventStream stream(room, 64);
  int texts = 0;
  int depth = 0;
  while (true) {
    const Parsed<ParseEvent> event = stream.next();
    if (!event) {
      check(event.error().at.line != 0 && event.error().at.column != 0, "a refusal has a place");
      return -1;
    }
    check(stream.offset() <= text.size() && stream.event_begin() <= stream.offset(), "it stays within the text");
    switch (event->kind) {
      case ParseEvent::Kind::stream_end:
        check(depth == 0, "what opens is closed");
        return texts;
      case ParseEvent::Kind::document_start:
        check(depth == 0, "a text begins outside of others");
        ++texts;
        break;
      case ParseEvent::Kind::mapping_start:
      case ParseEvent::Kind::sequence_start:
        ++depth;
        break;
      case ParseEvent::Kind::mapping_end:
      case ParseEvent::Kind::sequence_end:
        check(--depth >= 0, "what is closed was open");
        break;
      case ParseEvent::Kind::scalar:
        check(first_not_utf8(event->text) == event->text.size(), "scalars are UTF-8");
        break;
      case ParseEvent::Kind::document_end:
        break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::unique_ptr<Arena> arena = make_arena();
  const std::string input(data, data + size);
  const std::size_t line = input.find('\n');
  if (line == std::string::npos) {
    return 0;
  }
  const std::string_view field = std::string_view(input).substr(0, line);
  const std::string_view text = std::string_view(input).substr(line + 1);
  {
    Result<SecretWriter> writer = SecretWriter::make(*arena, text.size());
    if (!writer || !writer->append(std::as_bytes(std::span(text)))) {
      return 0;
    }
    const Secret value = std::move(*writer).freeze();
    const Result<Secret> found = json::json_member(*arena, value, field);
    const int texts = texts_in(text);
    if (found) {
      check(texts == 1, "a member comes only of one JSON text");
      const std::span<const std::byte> bytes = found->expose();
      const std::string_view member{static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
      const bool is_text = text.find(member) != std::string_view::npos && texts_in(member) == 1;
      check(is_text || first_not_utf8(member) == member.size(), "a member is JSON or a string");
    } else {
      check(texts != -1 || found.error().code == Code::invalid_request, "what is no JSON is an invalid request");
    }
    check(std::memcmp(value.expose().data(), text.data(), text.size()) == 0, "the value itself is left alone");
  }
  check(arena->usage().blocks == 0, "locked memory is given back");
  return 0;
}
