// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "backends/codec/problem.h"

namespace tantalus::yaml {

/// Refuses what libfyaml 0.7.12 must not see, before it does: bytes that are no UTF-8 and control characters, which it
/// takes for the end of a text or for text; a long run of blank lines, which it keeps in an alloca() without a bound
/// (fy-atom.c); and explicit keys (`? key`), of which some make it free twice (fy_fetch_value() in fy-parse.c). That
/// last one is seen by its shape alone, so that a line of a block of text that begins with "? " is refused too.
[[nodiscard]] std::optional<Problem> screen(std::string_view text);

}  // namespace tantalus::yaml
