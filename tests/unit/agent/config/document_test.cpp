// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "agent/config/load.h"
#include "agent/config/schema.h"
#include "tests/support/catch.h"

using namespace tantalus;

namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(std::string(TANTALUS_SOURCE_DIR) + "/" + path);
  REQUIRE(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

/// The rows of docs/configuration.md that describe a key: they begin with its whole path.
std::vector<std::string> rows() {
  std::vector<std::string> found;
  for (const std::string& line : lines_of("docs/configuration.md")) {
    if (line.starts_with("| `")) {
      found.push_back(line);
    }
  }
  return found;
}

std::string key_of(const std::string& row) {
  return row.substr(3, row.find('`', 3) - 3);
}

}  // namespace

TEST_CASE("docs/configuration.md has a row for every key, and for nothing else") {
  std::vector<std::string> documented;
  for (const std::string& row : rows()) {
    documented.push_back(key_of(row));
  }
  CHECK(documented == schema_keys());
}

TEST_CASE("docs/configuration.md marks the keys that need a restart, and no others") {
  Config changed;
  changed.listen = {"/x/s", 0600, "/x/d", "x", "/x/c", "localhost:1", true};
  changed.cache.memory = 1;
  changed.backends.kubernetes.kubeconfig = "/x";
  std::vector<std::string> marked;
  for (const std::string& row : rows()) {
    if (row.ends_with("| restart |")) {
      marked.push_back(key_of(row));
    }
  }
  CHECK(marked == config_diff_needs_restart(Config{}, changed));
}

TEST_CASE("the example in docs/configuration.md is right") {
  std::string yaml;
  bool inside = false;
  for (const std::string& line : lines_of("docs/configuration.md")) {
    if (line == "```yaml") {
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      yaml += line + "\n";
    }
  }
  CHECK(yaml.size() > 200);
  const auto config = parse_config(yaml, [](const std::string&) { return std::nullopt; });
  if (!config) {
    FAIL(to_text(config.error().front(), "example"));
  }
}
