// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tantalus::yaml {

/// What a quoted scalar means (YAML 1.2.2, 7.3.1 and 7.3.2), of the text between its quotes: libfyaml 0.7.12 loses
/// count of quotes in a row ('a''''b' gains one) and gives no sign of it. Writes to `to`, which needs 1.5 bytes for
/// each of `between`, and returns how many; unset where it is no such scalar.
[[nodiscard]] std::optional<std::size_t> decode_single_quoted(std::string_view between, std::span<char> to) noexcept;
[[nodiscard]] std::optional<std::size_t> decode_double_quoted(std::string_view between, std::span<char> to) noexcept;

}  // namespace tantalus::yaml
