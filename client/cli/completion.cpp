// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "client/cli/command.h"
#include "client/cli/completion_scripts.h"
#include "client/cli/format.h"

namespace tantalus::cli {
namespace {

int completion(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("completion");
  common.add_to(options);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  const auto found = operands->size() != 1
                         ? completion_scripts.end()
                         : std::ranges::find(completion_scripts, operands->front(), &CompletionScript::shell);
  if (found == completion_scripts.end()) {
    return refuse(common, usage_problem("completion", "one of bash, zsh and fish is wanted"));
  }
  const Outcome<void> written = write_out(std::as_bytes(std::span(found->text)));
  return written ? exit_code::done : refuse(common, written.error());
}

}  // namespace

const Command completion_command{"completion", "a script that completes commands, options and keys",
                                 R"(Usage: tantalus completion bash|zsh|fish

  bash   source <(tantalus completion bash)
  zsh    tantalus completion zsh > "${fpath[1]}/_tantalus"
  fish   tantalus completion fish > ~/.config/fish/completions/tantalus.fish
)",
                                 completion};

}  // namespace tantalus::cli
