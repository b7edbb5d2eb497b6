// SPDX-License-Identifier: Apache-2.0
#include "client/cli/spark.h"

#include <algorithm>
#include <array>

#include "client/cli/format.h"
#include "protocol/utf8.h"

namespace tantalus::cli {
namespace {

constexpr std::string_view properties_file = "--properties-file";

void write_escaped(std::string_view text, bool is_name, client::LockedBuffer& out) {
  bool leading = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char character = text[i];
    switch (character) {
      case '\n':
        write_text("\\n", out);
        break;
      case '\r':
        write_text("\\r", out);
        break;
      case '\t':
        write_text("\\t", out);
        break;
      case '\f':
        write_text("\\f", out);
        break;
      case '\0':
        write_text("\\u0000", out);
        break;
      case '\\':
        write_text("\\\\", out);
        break;
      default: {
        const bool separates =
            character == ' ' ? is_name || leading : is_name && std::string_view(":=#!").contains(character);
        write_text(separates ? "\\" : "", out);
        write_text(text.substr(i, 1), out);
      }
    }
    leading = leading && character == ' ';
  }
}

}  // namespace

bool write_property(std::string_view name, std::span<const std::byte> value, client::LockedBuffer& out) {
  const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  if (!is_utf8(text)) {
    return false;
  }
  write_escaped(name, true, out);
  write_text("=", out);
  write_escaped(text, false, out);
  write_text("\n", out);
  return true;
}

bool is_spark_command(std::string_view command) noexcept {
  constexpr std::array<std::string_view, 5> commands{"spark-submit", "spark-shell", "spark-sql", "pyspark", "sparkR"};
  const std::size_t slash = command.rfind('/');
  return std::ranges::find(commands, command.substr(slash == std::string_view::npos ? 0 : slash + 1)) != commands.end();
}

Outcome<std::vector<std::string>> with_properties_file(std::vector<std::string> command, const std::string& path) {
  const auto names_one = [](const std::string& word) {
    return word == properties_file || word.starts_with(std::string(properties_file) + "=");
  };
  if (std::ranges::any_of(command, names_one)) {
    return std::unexpected(
        Problem{exit_code::exec_failed, command[0], "it names a --properties-file, and Spark reads only one",
                "Give its settings by --conf: the one with sparkConfSecrets is put in by tantalus."});
  }
  command.insert(command.begin() + 1, {std::string(properties_file), path});
  return command;
}

}  // namespace tantalus::cli
