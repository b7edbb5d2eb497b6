// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "client/cli/command.h"
#include "client/cli/problem.h"

namespace tantalus::cli {
namespace {

constexpr std::array commands{&get_command,    &exec_command, &render_command, &watch_command, &list_command,
                              &whoami_command, &ping_command, &check_command,  &audit_command, &completion_command};

constexpr std::string_view common_help =
    R"(
Common options:
  --socket PATH         the agent's socket (else TANTALUS_SOCKET, else /run/tantalus/resolve.sock)
  --wait DURATION       ask again while there is no agent yet, or an answer may come right (TANTALUS_WAIT)
  --max-age DURATION    a value at most this old; 0 reads the backend now
  --token FILE          a projected service-account token to show to the agent
  -q, --quiet           nothing on standard error: the exit code tells
  -h, --help            this
  --version             the version
)";

std::string overview() {
  std::string text =
      "Usage: tantalus [OPTIONS] COMMAND ...\n\nSecrets by reference, from the agent on this node.\n\nCommands:\n";
  for (const Command* command : commands) {
    std::string name(command->name);
    name.resize(12, ' ');
    text += "  " + name + std::string(command->summary) + "\n";
  }
  text += common_help;
  return text + "\n`tantalus COMMAND --help` tells more.\n";
}

constexpr std::string_view version_line = "tantalus " TANTALUS_VERSION_TEXT "\n";

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// Options before the command are common ones: the words that they take, so that the command can be found.
int dispatch(std::span<char* const> arguments) {
  Options options("");
  Common common;
  common.add_to(options);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments, true);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (common.version) {
    print(version_line);
    return exit_code::done;
  }
  if (common.help || (!operands->empty() && operands->front() == "help" && operands->size() == 1)) {
    print(overview());
    return exit_code::done;
  }
  if (operands->empty()) {
    return refuse(common, usage_problem("", "a command is missing"));
  }
  const bool wants_help = operands->front() == "help";
  const std::string& name = wants_help ? (*operands)[1] : operands->front();
  const auto found = std::ranges::find(commands, name, [](const Command* command) { return command->name; });
  if (found == commands.end()) {
    return refuse(common, usage_problem("", "there is no command " + name));
  }
  if (wants_help) {
    common.help = true;
    return is_answered(**found, common) ? exit_code::done : exit_code::usage;
  }
  return (*found)->run(**found, common, arguments.last(operands->size() - 1));
}

}  // namespace

int refuse(const Common& common, const Problem& problem) {
  if (!common.quiet) {
    tell(problem);
  }
  return problem.exit;
}

bool is_answered(const Command& self, const Common& common) {
  if (common.version) {
    print(version_line);
  } else if (common.help) {
    print(self.help);
    print(common_help);
  }
  return common.version || common.help;
}

}  // namespace tantalus::cli

int main(int argc, char** argv) {
  return tantalus::cli::dispatch(std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0));
}
