// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/format.h"

namespace tantalus::cli {
namespace {

int get(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("get");
  std::optional<std::string> format_text;
  ShortForm form;
  common.add_to(options);
  form.add_to(options);
  options.text("format", format_text);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  const std::optional<Format> format = format_from_text(format_text.value_or("raw"));
  if (!format) {
    return refuse(common, usage_problem("get", "--format is raw, json, base64 or env"));
  }
  if (operands->empty()) {
    return refuse(common, usage_problem("get", "a reference is missing"));
  }
  if (operands->size() > 1 && *format == Format::raw) {
    return refuse(common, usage_problem("get", "raw is for one reference: nothing would tell where a value ends"));
  }
  const auto references = read_arguments("get", *operands, form, common.quiet);
  if (!references) {
    return references.error();
  }
  Outcome<Agent> agent = Agent::make(common);
  if (!agent) {
    return refuse(common, agent.error());
  }
  const std::vector<Answer> answers = agent->resolve(*references);
  int failed = exit_code::done;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].status != TANTALUS_OK) {
      const int code = refuse(common, agent_problem((*references)[i].written, answers[i].status, answers[i].why));
      failed = failed == exit_code::done ? code : failed;
    }
  }
  if (failed != exit_code::done) {
    return failed;  // All or nothing: half of an output would pass for the whole.
  }
  client::LockedBuffer out(client::LockedHeap::make());
  if (const Outcome<void> written = write_secrets(*format, *references, answers, out); !written) {
    return refuse(common, written.error());
  }
  if (*format == Format::raw && isatty(STDOUT_FILENO) == 1) {
    write_text("\n", out);
  }
  if (const Outcome<void> written = write_out(out.bytes()); !written) {
    return refuse(common, written.error());
  }
  return exit_code::done;
}

}  // namespace

const Command get_command{"get", "write the value of a reference to standard output",
                          R"(Usage: tantalus get [OPTIONS] REF...

Writes the value's bytes to standard output; a newline follows only on a terminal.
If one reference fails, nothing is written.

REF is tantalus://SOURCE/KEY[?scope=...][&id=...][&version=...][#FIELD], or a KEY
completed by --source, --scope, --id, --field and --ref-version. With default=TEXT in
a URI, TEXT stands for a secret that is not found; optional=true makes that no failure.

  --format raw      the bytes (one REF only)
           json     the secret, in an array for several; `value`, or `value_base64`
           base64   a line each
           env      NAME='value', for a shell
)",
                          get};

}  // namespace tantalus::cli
