// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/argument.h"
#include "client/cli/problem.h"

namespace tantalus::cli {

/// Text with `{{ tantalus://… }}` in it, cut into what stands between them and the references, each asked once.
struct Template {
  struct Piece {
    std::string_view text;                 ///< Of the template's own text, which outlives this.
    std::optional<std::size_t> reference;  ///< Of `references`, instead of text.
  };
  std::vector<Piece> pieces;
  std::vector<Argument> references;
};

/// Braces around anything but a `tantalus:` URI are text. `what` names the template in a refusal.
[[nodiscard]] Outcome<Template> parse_template(std::string_view text, const std::string& what);

}  // namespace tantalus::cli
