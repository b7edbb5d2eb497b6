// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/problem.h"
#include "client/src/locked.h"

namespace tantalus::cli {

/// A line of a Spark properties file (java.util.Properties, "load"; Spark reads it as UTF-8). False: the value is not
/// UTF-8, which no property can be.
[[nodiscard]] bool write_property(std::string_view name, std::span<const std::byte> value, client::LockedBuffer& out);

/// Whether the command is one of Spark's that take `--properties-file`.
[[nodiscard]] bool is_spark_command(std::string_view command) noexcept;

/// The command with `--properties-file PATH` before its own arguments. It must not name one itself: Spark takes only
/// one.
[[nodiscard]] Outcome<std::vector<std::string>> with_properties_file(std::vector<std::string> command,
                                                                     const std::string& path);

}  // namespace tantalus::cli
