// SPDX-License-Identifier: Apache-2.0
#include "client/cli/problem.h"

#include <cstdio>
#include <utility>

#include "client/src/failure.h"
#include "protocol/utf8.h"

namespace tantalus::cli {
namespace {

std::string_view remedy_for(tantalus_status status) noexcept {
  switch (status) {
    case TANTALUS_NO_AGENT:
      return "Start tantalusd, or name its socket with --socket PATH or TANTALUS_SOCKET; --wait 30s waits for it.";
    case TANTALUS_UNAUTHENTICATED:
      return "The agent does not know this process: an operator adds a rule under `identity`, or give it --token FILE.";
    case TANTALUS_PERMISSION_DENIED:
      return "`tantalus whoami` tells which domain this process belongs to.";
    case TANTALUS_NOT_FOUND:
      return "`tantalus list` tells what this process may resolve.";
    case TANTALUS_OVERLOADED:
    case TANTALUS_UNAVAILABLE:
    case TANTALUS_TIMED_OUT:
      return "Asking again may help: --wait 30s does so.";
    case TANTALUS_MISCONFIGURED:
      return "An operator must act: the agent's log and its /readyz tell more.";
    default:
      return "";
  }
}

}  // namespace

int to_exit_code(tantalus_status status) noexcept {
  switch (status) {
    case TANTALUS_OK:
      return exit_code::done;
    case TANTALUS_INVALID_REQUEST:
    case TANTALUS_TOO_LARGE:
      return exit_code::invalid_request;
    case TANTALUS_UNAUTHENTICATED:
      return exit_code::unauthenticated;
    case TANTALUS_PERMISSION_DENIED:
      return exit_code::permission_denied;
    case TANTALUS_NOT_FOUND:
      return exit_code::not_found;
    case TANTALUS_OVERLOADED:
    case TANTALUS_UNAVAILABLE:
    case TANTALUS_NO_AGENT:
    case TANTALUS_TIMED_OUT:
      return exit_code::unavailable;
    case TANTALUS_MISCONFIGURED:
      return exit_code::misconfigured;
    default:
      return exit_code::internal;
  }
}

Problem usage_problem(std::string_view command, std::string why) {
  std::string remedy = "`tantalus ";
  remedy += command.empty() ? "--help` lists the commands." : std::string(command) + " --help` tells how it is used.";
  return {exit_code::usage, command.empty() ? "usage" : std::string(command), std::move(why), std::move(remedy)};
}

Problem agent_problem(std::string what, tantalus_status status, std::string why) {
  return {to_exit_code(status), std::move(what), std::move(why), std::string(remedy_for(status))};
}

Problem reference_problem(std::string what, const Error& error) {
  return {to_exit_code(client::to_status(error.code)), std::move(what), error.message, ""};
}

void tell(const Problem& problem) {
  const std::string line = "tantalus: " + printable(problem.what) + ": " + printable(problem.why) + "\n";
  std::fputs(line.c_str(), stderr);
  if (!problem.remedy.empty()) {
    std::fputs((problem.remedy + "\n").c_str(), stderr);
  }
}

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  const bool is_text = is_utf8(text);
  std::string out;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_text)) {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 0xfU];
    } else {
      out += character;
    }
  }
  return out;
}

}  // namespace tantalus::cli
