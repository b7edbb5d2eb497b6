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

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  for (std::size_t begin = 2; begin < row.size();) {
    const std::size_t end = row.find(" |", begin);
    cells.push_back(row.substr(begin, end - begin));
    begin = end == std::string::npos ? end : end + 3;
  }
  return cells;
}

/// `a.b` and a value, as YAML.
std::string nest(const std::string& key, const std::string& value) {
  std::string yaml;
  std::string indent;
  std::istringstream parts(key);
  for (std::string part; std::getline(parts, part, '.'); indent += "  ") {
    yaml.append(yaml.empty() ? "" : "\n").append(indent).append(part).append(":");
  }
  return yaml + " " + value + "\n";
}

}  // namespace

TEST_CASE("docs/configuration.md has a row for every key, and for nothing else") {
  std::vector<std::string> documented;
  for (const std::string& row : rows()) {
    documented.push_back(key_of(row));
  }
  CHECK(documented == schema_keys());
}

TEST_CASE("the man page has an entry for every key, and for nothing else") {
  std::vector<std::string> documented;
  bool is_entry = false;
  for (std::string line : lines_of("docs/man/tantalusd.yaml.5")) {
    std::erase(line, '\\');
    if (is_entry && line.starts_with(".B ")) {
      documented.push_back(line.substr(3));
    }
    is_entry = line == ".TP";
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

TEST_CASE("the defaults in docs/configuration.md are the defaults") {
  // Whether the file names a thing is no setting.
  const auto parse = [](const std::string& yaml) {
    auto config = parse_config(yaml, [](const std::string&) { return std::nullopt; });
    if (config) {
      config->backends.kubernetes.named = false;
      config->backends.vault.named = false;
      config->identity.attestors_named = false;
    }
    return config;
  };
  int checked = 0;
  for (const std::string& row : rows()) {
    const std::string value = cells_of(row).at(2);
    if (!value.starts_with('`') || key_of(row).find('<') != std::string::npos) {
      continue;
    }
    const std::string yaml = nest(key_of(row), value.substr(1, value.size() - 2));
    INFO(yaml);
    const auto config = parse(yaml);
    REQUIRE(config);
    CHECK(*config == Config{});
    ++checked;
  }
  CHECK(checked > 50);
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
