// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "client/cli/argument.h"
#include "client/cli/options.h"

namespace tantalus::cli {

struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view help;
  /// `arguments` follow the command's name. The exit code.
  int (*run)(const Command& self, Common& common, std::span<char* const> arguments);
};

extern const Command get_command;
extern const Command exec_command;
extern const Command render_command;
extern const Command watch_command;
extern const Command list_command;
extern const Command whoami_command;
extern const Command ping_command;
extern const Command check_command;
extern const Command audit_command;
extern const Command completion_command;

/// Tells it unless `--quiet`, and gives its exit code.
int refuse(const Common& common, const Problem& problem);
/// `--help` or `--version` was given: prints it. The exit code then.
[[nodiscard]] bool is_answered(const Command& self, const Common& common);

}  // namespace tantalus::cli
