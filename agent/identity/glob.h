// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tantalus {

/// Whether all of `text` fits `pattern`, in which `*` stands for any characters, none included, and everything else
/// for itself. At most pattern × text steps, whatever they are.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text) noexcept;

}  // namespace tantalus
