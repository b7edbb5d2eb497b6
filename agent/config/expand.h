// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "agent/config/reading.h"

namespace tantalus {

/// Replaces `${NAME}` and `${NAME:-default}` (which also stands for an empty one, as in a shell) from the environment.
/// A `$` before anything but `{` is itself. The error is for people: it names the variable, never a value.
[[nodiscard]] std::expected<std::string, std::string> expand_variables(std::string_view text,
                                                                       const Environment& environment);

}  // namespace tantalus
