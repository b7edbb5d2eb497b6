// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/codec/problem.h"

namespace tantalus {

/// YAML's core tags that mean something here. JSON has none.
enum class Tag : std::uint8_t { none, str, binary, other_core };

/// One step through a YAML or JSON text, so that a long one can be read in slices. A mapping's keys are scalars.
struct ParseEvent {
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

}  // namespace tantalus
