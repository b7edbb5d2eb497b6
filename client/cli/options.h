// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/problem.h"
#include "protocol/instant.h"

namespace tantalus::cli {

/// A command's options over getopt_long(3): a table, filled by those who read it.
class Options {
 public:
  explicit Options(std::string_view command) : command_(command) {}

  Options& flag(const char* name, bool& target, char letter = '\0');
  Options& text(const char* name, std::optional<std::string>& target, char letter = '\0');
  Options& list(const char* name, std::vector<std::string>& target);
  Options& duration(const char* name, std::optional<Millis>& target);
  Options& number(const char* name, std::uint32_t& target);

  /// The operands. With `stops`, the first operand ends the options (exec: what follows is the command's).
  [[nodiscard]] Outcome<std::vector<std::string>> parse(std::span<char* const> arguments, bool stops = false);

 private:
  struct Option {
    const char* name;
    char letter;
    bool has_value;
    std::function<std::optional<std::string>(const char*)> set;  ///< What is wrong with the value, if anything.
  };
  void add(const char* name, char letter, bool has_value, std::function<std::optional<std::string>(const char*)> set);

  std::string command_;
  std::vector<Option> options_;
};

/// What every command takes (docs/man/tantalus.1, "COMMON OPTIONS").
struct Common {
  std::optional<std::string> socket;
  std::optional<std::string> token;
  std::optional<Millis> wait;
  std::optional<Millis> max_age;
  bool quiet = false;
  bool help = false;
  bool version = false;

  void add_to(Options& options);
};

/// `250ms`, `30s`, `5m`, `1h`, `90d`, and `0`.
[[nodiscard]] std::optional<Millis> duration_from_text(std::string_view text) noexcept;

}  // namespace tantalus::cli
