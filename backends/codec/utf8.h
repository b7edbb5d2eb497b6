// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace tantalus {

/// How many bytes from `begin` on are one UTF-8 character (RFC 3629: no overlong forms, no surrogates); 0: none.
[[nodiscard]] std::size_t utf8_length_at(std::string_view text, std::size_t begin) noexcept;

/// Where the first byte stands that is not UTF-8; the text's size: nowhere.
[[nodiscard]] std::size_t first_not_utf8(std::string_view text) noexcept;

}  // namespace tantalus
