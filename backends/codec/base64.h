// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tantalus {

/// Room that is enough to decode a text of this size.
[[nodiscard]] constexpr std::size_t base64_room(std::size_t text_size) noexcept {
  return (text_size / 4 + 1) * 3;
}

/// Base64 (RFC 4648, 4) as Kubernetes reads it: padded, line breaks (\r, \n) anywhere and nothing else between, and the
/// bits behind the last byte without meaning. Returns how many bytes it wrote; unset when the text is no base64. The
/// value of a character decides no branch and no address.
[[nodiscard]] std::optional<std::size_t> base64_decode(std::string_view text, std::span<std::byte> to) noexcept;

}  // namespace tantalus
