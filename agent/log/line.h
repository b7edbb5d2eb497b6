// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "agent/log/log.h"

namespace tantalus {

inline constexpr std::size_t max_log_line = std::size_t{8} * 1024;

/// Writes `message key=value key="some text"`. Whatever could end the line, steer a terminal or reorder what is read
/// (control and bidirectional characters, bytes that are no UTF-8) stands as an escape, and so does the backslash.
void append_text_line(std::string& out, std::string_view message, Log::Fields fields);

/// Writes the members of a JSON object from `"message"` on, without its braces. Bytes that are no UTF-8 are U+FFFD.
void append_json_members(std::string& out, std::string_view message, Log::Fields fields);

}  // namespace tantalus
