// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include <cstdio>

#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/format.h"

namespace tantalus::cli {
namespace {

/// What both commands take; unset: go on, with `json` set.
std::optional<int> read_options(const Command& self, Common& common, std::span<char* const> arguments, bool& json) {
  Options options(self.name);
  std::optional<std::string> format;
  common.add_to(options);
  options.text("format", format);
  const Outcome<std::vector<std::string>> operands = options.parse(arguments);
  if (!operands) {
    return refuse(common, operands.error());
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  if (format && *format != "json" && *format != "text") {
    return refuse(common, usage_problem(self.name, "--format is text or json"));
  }
  if (!operands->empty()) {
    return refuse(common, usage_problem(self.name, "it takes no operand"));
  }
  json = format == "json";
  return std::nullopt;
}

std::string shown(const tantalus_reply* reply, const char* name) {
  switch (tantalus_reply_kind(reply, 0, name)) {
    case TANTALUS_NIL:
      return "-";
    case TANTALUS_BOOLEAN:
      return tantalus_reply_integer(reply, 0, name) != 0 ? "true" : "false";
    case TANTALUS_INTEGER:
      return std::to_string(tantalus_reply_integer(reply, 0, name));
    case TANTALUS_TEXT:
      return printable(tantalus_reply_text(reply, 0, name));
  }
  return "";
}

int whoami(const Command& self, Common& common, std::span<char* const> arguments) {
  bool json = false;
  if (const std::optional<int> code = read_options(self, common, arguments, json); code) {
    return *code;
  }
  Outcome<Agent> agent = Agent::make(common);
  if (!agent) {
    return refuse(common, agent.error());
  }
  const Outcome<ReplyHandle> reply = agent->whoami();
  if (!reply) {
    return refuse(common, reply.error());
  }
  client::LockedBuffer out(client::LockedHeap::make());
  if (json) {
    write_row(reply->get(), 0, out);
    write_text("\n", out);
  } else {
    for (std::size_t i = 0; i < tantalus_reply_members(reply->get(), 0); ++i) {
      const char* const name = tantalus_reply_name(reply->get(), 0, i);
      write_text(printable(name) + ": " + shown(reply->get(), name) + "\n", out);
    }
  }
  const Outcome<void> written = write_out(out.bytes());
  return written ? exit_code::done : refuse(common, written.error());
}

double milliseconds() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

int ping(const Command& self, Common& common, std::span<char* const> arguments) {
  bool json = false;
  if (const std::optional<int> code = read_options(self, common, arguments, json); code) {
    return *code;
  }
  Outcome<Agent> agent = Agent::make(common);
  if (!agent) {
    return refuse(common, agent.error());
  }
  // The first connects, and waits for an agent where --wait says so; the second is the round trip.
  double took = 0;
  for (int i = 0; i < 2; ++i) {
    const double begin = milliseconds();
    if (const Outcome<void> pong = agent->ping(); !pong) {
      return refuse(common, pong.error());
    }
    took = milliseconds() - begin;
  }
  char line[64];
  std::snprintf(line, sizeof line, json ? "{\"pong\":true,\"ms\":%.3f}\n" : "pong %.2f ms\n", took);
  const std::string_view text = line;
  const Outcome<void> written = write_out(std::as_bytes(std::span(text)));
  return written ? exit_code::done : refuse(common, written.error());
}

}  // namespace

const Command whoami_command{"whoami", "who the agent takes this process for",
                             R"(Usage: tantalus whoami [OPTIONS]

Prints the domain, whether it is an admin, and what the agent has attested, a `name: value`
line each.

  --format text|json
)",
                             whoami};

const Command ping_command{"ping", "whether the agent answers, and how fast",
                           R"(Usage: tantalus ping [OPTIONS]

Prints `pong 0.03 ms`: one round trip over a connection that stands.

  --format text|json
)",
                           ping};

}  // namespace tantalus::cli
