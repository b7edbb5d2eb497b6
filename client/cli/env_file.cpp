// SPDX-License-Identifier: Apache-2.0
#include "client/cli/env_file.h"

#include <utility>

namespace tantalus::cli {
namespace {

Problem at_line(const std::string& what, std::size_t line, std::string why) {
  return {exit_code::usage, what + ":" + std::to_string(line), std::move(why),
          "A line is NAME=VALUE, or a comment that begins with #."};
}

}  // namespace

Outcome<std::vector<Variable>> parse_env_file(std::string_view text, const std::string& what) {
  std::vector<Variable> variables;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == '#') {
      continue;
    }
    line.remove_prefix(begin);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return std::unexpected(at_line(what, number, "there is no ="));
    }
    const std::string_view name = line.substr(0, equals);
    if (!is_variable_name(name) || name.find_first_of(" \t") != std::string_view::npos) {
      return std::unexpected(at_line(what, number, "what stands before = is no name"));
    }
    if (line.find('\0') != std::string_view::npos) {
      return std::unexpected(at_line(what, number, "there is a NUL byte"));
    }
    variables.push_back({std::string(name), std::string(line.substr(equals + 1))});
  }
  return variables;
}

bool is_variable_name(std::string_view name) noexcept {
  return !name.empty() && name.find('=') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace tantalus::cli
