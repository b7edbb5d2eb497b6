// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tantalus {

/// Whether these bytes are UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing past U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

/// A name that a peer or a file chose, fit for an error's message (trap 116): between backticks, control characters and
/// what isn't UTF-8 as `\xNN`, cut after 64 bytes. For names alone: a value is never quoted.
[[nodiscard]] std::string quoted(std::string_view name);

}  // namespace tantalus
