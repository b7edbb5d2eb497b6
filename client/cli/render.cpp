// SPDX-License-Identifier: Apache-2.0
#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/file.h"
#include "client/cli/format.h"
#include "client/cli/template.h"

namespace tantalus::cli {
namespace {

Outcome<void> check_target(const std::string& path) {
  const Outcome<bool> in_memory = is_in_memory(path);
  if (!in_memory) {
    return std::unexpected(in_memory.error());
  }
  if (!*in_memory) {
    return std::unexpected(
        Problem{exit_code::usage, path, "it is not on a memory file system, so values would reach a disk",
                "Choose a target on a tmpfs, such as /dev/shm or /run; --allow-disk writes it anyway."});
  }
  return {};
}

int render(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("render");
  std::optional<std::string> output;
  bool allows_disk = false;
  common.add_to(options);
  options.text("output", output, 'o').flag("allow-disk", allows_disk);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  if (operands->size() != 1) {
    return refuse(common, usage_problem("render", "one TEMPLATE is wanted (- is standard input)"));
  }
  if (output && !allows_disk) {
    if (const Outcome<void> allowed = check_target(*output); !allowed) {
      return refuse(common, allowed.error());
    }
  }
  client::LockedBuffer text(client::LockedHeap::make());
  if (const Outcome<void> read = read_file(operands->front(), text); !read) {
    return refuse(common, read.error());
  }
  const std::string_view view(reinterpret_cast<const char*>(text.bytes().data()), text.bytes().size());
  const Outcome<Template> parsed = parse_template(view, operands->front());
  if (!parsed) {
    return refuse(common, parsed.error());
  }
  std::vector<Answer> answers;
  if (!parsed->references.empty()) {
    Outcome<Agent> agent = Agent::make(common);
    if (!agent) {
      return refuse(common, agent.error());
    }
    answers = agent->resolve(parsed->references);
  }
  int failed = exit_code::done;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].status != TANTALUS_OK) {
      const int code = refuse(common, agent_problem(parsed->references[i].written, answers[i].status, answers[i].why));
      failed = failed == exit_code::done ? code : failed;
    }
  }
  if (failed != exit_code::done) {
    return failed;
  }
  client::LockedBuffer out(client::LockedHeap::make());
  for (const Template::Piece& piece : parsed->pieces) {
    if (!piece.reference) {
      write_text(piece.text, out);
    } else if (answers[*piece.reference].secret != nullptr) {
      check(out.append(value_of(*answers[*piece.reference].secret)), "no memory for output");
    }
  }
  const Outcome<void> written = output ? replace_file(*output, out.bytes()) : write_out(out.bytes());
  return written ? exit_code::done : refuse(common, written.error());
}

}  // namespace

const Command render_command{"render", "fill a template's references in",
                             R"(Usage: tantalus render [OPTIONS] TEMPLATE [-o FILE]

Replaces each {{ tantalus://SOURCE/KEY }} of TEMPLATE (- is standard input) by its value
and writes the result to standard output. If one reference fails, nothing is written.

  -o, --output FILE   write FILE instead, of mode 0600: beside it first, then renamed.
                      FILE must lie on a memory file system (tmpfs, ramfs)
      --allow-disk    FILE may lie anywhere
)",
                             render};

}  // namespace tantalus::cli
