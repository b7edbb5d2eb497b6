// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/argument.h"
#include "client/cli/problem.h"

namespace tantalus::cli {

/// The references of a job's, a compute's, a notebook's or a storage's configuration as the platform writes it. They
/// stand at the top or nested: `sparkConfig` (compute), `template` (Spark jobs), `config` (Jupyter).
struct Job {
  struct Entry {
    std::string name;  ///< The environment variable, or the Spark property.
    Argument argument;
  };
  std::vector<Entry> environment;   ///< `envSecrets`
  std::vector<Entry> spark_conf;    ///< `sparkConfSecrets`
  std::optional<Argument> storage;  ///< `storageSecret`
};

/// A reference that can't be read refuses the whole, with its place (trap 125). `what` names the file.
[[nodiscard]] Outcome<Job> parse_job(std::string_view text, const std::string& what);

}  // namespace tantalus::cli
