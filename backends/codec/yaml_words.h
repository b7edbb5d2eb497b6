// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tantalus::yaml {

/// Our words for an error of libfyaml 0.7. Its own are never shown, as some quote the text (trap 137); those that this
/// doesn't know come out as "not valid YAML".
[[nodiscard]] std::string_view words_for(std::string_view libfyaml_message) noexcept;

}  // namespace tantalus::yaml
