// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/format.h"

namespace tantalus::cli {
namespace {

std::string text_of(const ReplyHandle& reply, std::size_t row, const char* name) {
  const char* const text = tantalus_reply_text(reply.get(), row, name);
  return text == nullptr ? "" : printable(text);
}

/// `KUBERNETES`, `VAULT (main)`.
std::string shown_source(const ReplyHandle& reply, std::size_t row) {
  std::string source = text_of(reply, row, "source");
  std::ranges::transform(source, source.begin(), [](char character) {
    return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
  });
  const std::string id = text_of(reply, row, "id");
  return id.empty() ? source : source + " (" + id + ")";
}

void write_table(const ReplyHandle& reply, client::LockedBuffer& out) {
  using Line = std::array<std::string, 5>;
  std::vector<Line> lines{{"KEY", "SOURCE", "SCOPE", "VERSION", "UPDATED BY"}};
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  for (std::size_t row = 0; row < tantalus_reply_rows(reply.get()); ++row) {
    if (tantalus_reply_status(reply.get(), row, nullptr) == TANTALUS_OK) {
      lines.push_back({text_of(reply, row, "key"), shown_source(reply, row), text_of(reply, row, "scope"),
                       or_dash(text_of(reply, row, "version")), or_dash(text_of(reply, row, "updated_by"))});
    }
  }
  std::array<std::size_t, 5> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  for (const Line& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) {
        text.append(widths[i] - line[i].size() + 2, ' ');
      }
    }
    write_text(text + "\n", out);
  }
}

void write_keys(const ReplyHandle& reply, client::LockedBuffer& out) {
  for (std::size_t row = 0; row < tantalus_reply_rows(reply.get()); ++row) {
    if (tantalus_reply_status(reply.get(), row, nullptr) == TANTALUS_OK) {
      write_text(text_of(reply, row, "key") + "\n", out);
    }
  }
}

void write_json(const ReplyHandle& reply, client::LockedBuffer& out) {
  write_text("[", out);
  for (std::size_t row = 0; row < tantalus_reply_rows(reply.get()); ++row) {
    write_text(row > 0 ? "," : "", out);
    write_row(reply.get(), row, out);
  }
  write_text("]\n", out);
}

int list(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("list");
  std::optional<std::string> format;
  std::optional<std::string> scope;
  std::optional<std::string> source;
  common.add_to(options);
  options.text("format", format).text("scope", scope).text("source", source);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  const std::string shown = format.value_or("table");
  if (shown != "table" && shown != "json" && shown != "keys") {
    return refuse(common, usage_problem("list", "--format is table, json or keys"));
  }
  if (!operands->empty()) {
    return refuse(common, usage_problem("list", "it takes no operand"));
  }
  Outcome<Agent> agent = Agent::make(common);
  if (!agent) {
    return refuse(common, agent.error());
  }
  const Outcome<ReplyHandle> reply = agent->list(scope ? scope->c_str() : nullptr, source ? source->c_str() : nullptr);
  if (!reply) {
    return refuse(common, reply.error());
  }
  client::LockedBuffer out(client::LockedHeap::make());
  if (shown == "json") {
    write_json(*reply, out);
  } else if (shown == "keys") {
    write_keys(*reply, out);
  } else {
    write_table(*reply, out);
  }
  if (const Outcome<void> written = write_out(out.bytes()); !written) {
    return refuse(common, written.error());
  }
  // A list with a hole in it must not pass for a whole one.
  int failed = exit_code::done;
  for (std::size_t row = 0; row < tantalus_reply_rows(reply->get()); ++row) {
    tantalus_error error{};
    const tantalus_status status = tantalus_reply_status(reply->get(), row, &error);
    if (status != TANTALUS_OK) {
      const std::string what = shown_source(*reply, row) + ", scope " + text_of(*reply, row, "scope");
      const int code = refuse(common, agent_problem(what, status, error.message));
      failed = failed == exit_code::done ? code : failed;
    }
  }
  return failed;
}

}  // namespace

const Command list_command{"list", "what this process may resolve, without values",
                           R"(Usage: tantalus list [OPTIONS]

  --format table    KEY  SOURCE  SCOPE  VERSION  UPDATED BY
           json     as the agent's protocol has it
           keys     a key a line
  --scope SCOPE     domain, global or admin only
  --source SOURCE   kubernetes, vault or file only

A source that cannot be listed is told on standard error, and its code is the exit code.
)",
                           list};

}  // namespace tantalus::cli
