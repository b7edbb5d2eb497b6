// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "backends/codec/parse_event.h"
#include "cache/arena.h"

namespace tantalus::yaml {

using Event = ParseEvent;

/// The events of a YAML stream, one at a time, so that a long one can be read in slices. Aliases and anchors are
/// refused (an alias bomb; a value that stands twice), nesting beyond `max_depth` too. Pinned.
class EventStream {
 public:
  /// `text` outlives the stream. With an arena, which outlives it too, all that libfyaml allocates lies there, where
  /// LockedMallocScope is effective; without one, on the heap.
  EventStream(std::string_view text, std::size_t max_depth, Arena* arena = nullptr);
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
