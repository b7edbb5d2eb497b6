// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "backends/codec/problem.h"

namespace tantalus::yaml {

/// The core schema's tags that mean something here; every other tag is refused.
enum class Tag : std::uint8_t { none, str, binary, other_core };

struct Event {
  enum class Kind : std::uint8_t {
    stream_end,
    document_start,
    document_end,
    mapping_start,
    mapping_end,
    sequence_start,
    sequence_end,
    scalar,
  };
  Kind kind = Kind::stream_end;
  std::string_view text;  ///< Of a scalar, as it is meant (quotes and escapes undone). Dies with the next event.
  bool plain = false;     ///< A scalar without quotes, which may mean a number, a boolean or null.
  Tag tag = Tag::none;
  Position at;
};

/// The events of a YAML stream, one at a time, so that a long one can be read in slices. Aliases and anchors are
/// refused (an alias bomb; a value that stands twice), nesting beyond `max_depth` too. Pinned.
class EventStream {
 public:
  /// `text` outlives the stream.
  EventStream(std::string_view text, std::size_t max_depth);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();

  /// After `stream_end` or a problem, nothing more may be asked.
  [[nodiscard]] Parsed<Event> next();

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Whether a plain scalar is the core schema's null (YAML 1.2.2, 10.3.2): nothing, `~`, `null`, `Null`, `NULL`.
[[nodiscard]] bool is_null(std::string_view plain_text) noexcept;

}  // namespace tantalus::yaml
