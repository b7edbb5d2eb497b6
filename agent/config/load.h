// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/reading.h"
#include "protocol/error.h"

namespace tantalus {

/// Where a configuration was read from, and what tells whether it has changed since.
struct ConfigSource {
  std::string path;
  std::uint64_t fingerprint = 0;  ///< Of the text as it stands in the file.
  std::string text;
};

struct LoadedConfig {
  Config config;
  ConfigSource source;
};

/// Reads and checks the file at `path`. Fails with `misconfigured`; the message has a line for each thing that is
/// wrong, `PATH:LINE:COLUMN: KEY: expected …; found …`, in the order of the file. Blocks: for a start, a reload or a
/// check.
[[nodiscard]] Result<LoadedConfig> load_config(const std::string& path);
[[nodiscard]] Result<LoadedConfig> load_config(const std::string& path, const Environment& environment);

/// The same of a text.
[[nodiscard]] std::expected<Config, std::vector<ConfigRefusal>> parse_config(std::string_view text,
                                                                             const Environment& environment);
/// One refusal as load_config() words it.
[[nodiscard]] std::string to_text(const ConfigRefusal& refusal, std::string_view path);

/// This process's environment.
[[nodiscard]] Environment process_environment();

/// The keys that differ and are read at start only; a reload that changes one is refused whole. Empty: none.
[[nodiscard]] std::vector<std::string> config_diff_needs_restart(const Config& before, const Config& after);

[[nodiscard]] std::uint64_t fingerprint_of(std::string_view text) noexcept;

}  // namespace tantalus
