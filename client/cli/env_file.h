// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/cli/problem.h"

namespace tantalus::cli {

struct Variable {
  std::string name;
  std::string value;
};

/// NAME=VALUE lines; empty lines and lines that begin with `#` are left out. What follows `=` is the value as it
/// stands: no quotes, no escapes, no comment. `what` names the file in a refusal.
[[nodiscard]] Outcome<std::vector<Variable>> parse_env_file(std::string_view text, const std::string& what);

/// Whether a process's environment can hold a variable of this name.
[[nodiscard]] bool is_variable_name(std::string_view name) noexcept;

}  // namespace tantalus::cli
