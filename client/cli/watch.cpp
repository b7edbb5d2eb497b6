// SPDX-License-Identifier: Apache-2.0
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/format.h"

namespace tantalus::cli {
namespace {

constexpr std::string_view changed_variable = "TANTALUS_CHANGED";

std::string uri_of(const ReplyHandle& change) {
  char* uri = nullptr;
  const auto text = [&](const char* name) { return tantalus_reply_text(change.get(), 0, name); };
  if (tantalus_uri_new(text("key"), text("source"), text("scope"), text("id"), nullptr, 0, &uri, nullptr) !=
      TANTALUS_OK) {
    return "";
  }
  std::string out = uri;
  tantalus_uri_free(uri);
  return out;
}

/// Runs the command and waits for it: changes that come meanwhile are told afterwards, one run a reference.
void run(const Common& common, std::span<const std::string> command, const std::string& uri) {
  std::vector<char*> argv;
  for (const std::string& word : command) {
    argv.push_back(const_cast<char*>(word.c_str()));  // posix_spawn(3) takes them so, and leaves them alone.
  }
  argv.push_back(nullptr);
  std::string changed = std::string(changed_variable) + "=" + uri;
  std::vector<char*> environment{changed.data()};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with(changed_variable) || text.substr(changed_variable.size(), 1) != "=") {
      environment.push_back(*variable);
    }
  }
  environment.push_back(nullptr);
  pid_t child = 0;
  if (const int error = posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environment.data()); error != 0) {
    refuse(common, {exit_code::cannot_run, command[0], strerrordesc_np(error), ""});
    return;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    refuse(common, {exit_code::internal, command[0], "ended by signal " + std::to_string(WTERMSIG(status)), ""});
  } else if (WEXITSTATUS(status) != 0) {
    refuse(common, {exit_code::internal, command[0], "ended with " + std::to_string(WEXITSTATUS(status)), ""});
  }
}

/// The first subscription that failed decides; a secret that isn't there yet is none of these.
int tell_refused(const Common& common, std::span<const Argument> references, const ReplyHandle& reply) {
  int failed = exit_code::done;
  for (std::size_t i = 0; i < references.size(); ++i) {
    tantalus_error error{};
    const tantalus_status status = tantalus_reply_status(reply.get(), i, &error);
    if (status != TANTALUS_OK) {
      const int code = refuse(common, agent_problem(references[i].written, status, error.message));
      failed = failed == exit_code::done ? code : failed;
    }
  }
  return failed;
}

int follow(const Common& common, Agent& agent, std::span<const std::string> command) {
  while (true) {
    const Outcome<ReplyHandle> change = agent.next_change();
    if (!change) {
      return refuse(common, change.error());
    }
    const std::string uri = uri_of(*change);
    if (!command.empty()) {
      run(common, command, uri);
      continue;
    }
    const char* const version = tantalus_reply_text(change->get(), 0, "version");
    const std::string line = uri + "\t" + (version == nullptr ? "" : printable(version)) + "\n";
    if (const Outcome<void> written = write_out(std::as_bytes(std::span(line))); !written) {
      return refuse(common, written.error());
    }
  }
}

int watch(const Command& self, Common& common, std::span<char* const> arguments) {
  // getopt_long moves operands past options, so the command behind `--` is cut off first.
  const auto separator =
      std::ranges::find(arguments, std::string_view("--"), [](const char* word) { return std::string_view(word); });
  const auto before = static_cast<std::size_t>(separator - arguments.begin());
  std::vector<std::string> command;
  for (std::size_t i = before + 1; i < arguments.size(); ++i) {
    command.emplace_back(arguments[i]);
  }
  Options options("watch");
  ShortForm form;
  common.add_to(options);
  form.add_to(options);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments.first(before));
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  if (operands->empty()) {
    return refuse(common, usage_problem("watch", "a reference is missing"));
  }
  if (operands->size() > TANTALUS_MAX_BATCH) {
    return refuse(common, usage_problem("watch", "at most 256 references"));
  }
  if (separator != arguments.end() && command.empty()) {
    return refuse(common, usage_problem("watch", "a command is missing after --"));
  }
  const auto references = read_arguments("watch", *operands, form, common.quiet);
  if (!references) {
    return references.error();
  }
  Outcome<Agent> agent = Agent::make(common);
  if (!agent) {
    return refuse(common, agent.error());
  }
  const Outcome<ReplyHandle> subscribed = agent->subscribe(*references);
  if (!subscribed) {
    return refuse(common, subscribed.error());
  }
  if (const int failed = tell_refused(common, *references, *subscribed); failed != exit_code::done) {
    return failed;
  }
  return follow(common, *agent, command);
}

}  // namespace

const Command watch_command{"watch", "tell each change of a value, never the value",
                            R"(Usage: tantalus watch [OPTIONS] REF... [-- COMMAND...]

Prints `URI<TAB>version` each time a value changes (no version: it is gone), or runs COMMAND
with the changed reference in TANTALUS_CHANGED. What stands when it starts is no change. When
the agent goes away it is waited for. REF is as for `tantalus get`, with --source, --scope,
--id, --field and --ref-version.
)",
                            watch};

}  // namespace tantalus::cli
