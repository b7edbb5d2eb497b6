// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace tantalus::cli {

struct CompletionScript {
  std::string_view shell;
  std::string_view text;
};

/// The files of client/cli/completion, as they are.
extern const std::array<CompletionScript, 3> completion_scripts;

}  // namespace tantalus::cli
