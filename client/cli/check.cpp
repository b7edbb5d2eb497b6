// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/format.h"

namespace tantalus::cli {
namespace {

std::string_view text_of(const ReplyHandle& reply, const char* name) {
  const char* const text = tantalus_reply_text(reply.get(), 0, name);
  return text == nullptr ? std::string_view{} : text;
}

/// What the resolve would end with.
int foretell(const ReplyHandle& reply) {
  if (text_of(reply, "decision") != "allow") {
    return exit_code::permission_denied;
  }
  if (tantalus_reply_integer(reply.get(), 0, "cached") != 0) {
    return exit_code::done;
  }
  if (text_of(reply, "backend.state") == "down") {
    return text_of(reply, "backend.why") == "misconfigured" ? exit_code::misconfigured : exit_code::unavailable;
  }
  return tantalus_reply_integer(reply.get(), 0, "found") != 0 ? exit_code::done : exit_code::not_found;
}

std::string describe(const ReplyHandle& reply) {
  const auto labelled = [](std::string_view label, std::string_view text) {
    return text.empty() ? std::string() : "; " + std::string(label) + printable(text);
  };
  std::string line = printable(text_of(reply, "decision"));
  line += labelled("rule ", text_of(reply, "rule"));
  line += labelled("backend ", text_of(reply, "backend.state"));
  line += labelled("because ", text_of(reply, "backend.why"));
  if (tantalus_reply_kind(reply.get(), 0, "found") == TANTALUS_BOOLEAN) {
    line += tantalus_reply_integer(reply.get(), 0, "found") != 0 ? "; found" : "; not found";
  }
  if (tantalus_reply_integer(reply.get(), 0, "cached") != 0) {
    line += "; cached";
  }
  if (tantalus_reply_kind(reply.get(), 0, "age") == TANTALUS_INTEGER) {
    line += ", " + std::to_string(tantalus_reply_integer(reply.get(), 0, "age")) + " ms old";
  }
  return line + labelled("", text_of(reply, "hint"));
}

int check_references(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("check");
  ShortForm form;
  common.add_to(options);
  form.add_to(options);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  if (operands->empty()) {
    return refuse(common, usage_problem("check", "a reference is missing"));
  }
  const auto references = read_arguments("check", *operands, form, common.quiet);
  if (!references) {
    return references.error();
  }
  Outcome<Agent> agent = Agent::make(common);
  if (!agent) {
    return refuse(common, agent.error());
  }
  int outcome = exit_code::done;
  client::LockedBuffer out(client::LockedHeap::make());
  for (const Argument& reference : *references) {
    const Outcome<ReplyHandle> reply = agent->explain(reference);
    const int code = reply ? foretell(*reply) : refuse(common, reply.error());
    outcome = outcome == exit_code::done ? code : outcome;
    if (reply) {
      write_text(printable(reference.written) + ": " + describe(*reply) + "\n", out);
    }
  }
  if (const Outcome<void> written = write_out(out.bytes()); !written) {
    return refuse(common, written.error());
  }
  return outcome;
}

}  // namespace

const Command check_command{"check", "what resolving a reference would do, without the value",
                            R"(Usage: tantalus check [OPTIONS] REF...

Asks the agent to explain each reference, and exits as resolving them would. REF is as for
`tantalus get`, with --source, --scope, --id, --field and --ref-version.
)",
                            check_references};

}  // namespace tantalus::cli
