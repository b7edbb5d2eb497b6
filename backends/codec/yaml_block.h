// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tantalus::yaml {

/// What a block of text means (YAML 1.2.2, 8.1), of the lines below its header. libfyaml 0.7.12 loses empty lines
/// beside more indented ones, and adds a line break to a text that has none at the end of the file. How far the block
/// is indented and what becomes of its end is read off `draft`, which is what libfyaml made of it. Writes to `to`,
/// which needs the size of `lines`, and returns how many; unset where the two don't fit together.
[[nodiscard]] std::optional<std::size_t> decode_block(std::string_view lines, bool folded, std::string_view draft,
                                                      std::span<char> to) noexcept;

}  // namespace tantalus::yaml
