// SPDX-License-Identifier: Apache-2.0
#include "agent/config/schema.h"

#include <array>

namespace tantalus {
namespace {

constexpr std::array<Key<Config>, 1> secrets_v2_keys{{
    {"enabled", [](const Value& v, Config& c) { v.read(c.secrets_v2); }},
}};

constexpr std::array<Key<Config>, 1> feature_keys{{
    {"secretsV2", [](const Value& v, Config& c) { read_section(v, secrets_v2_keys, c); },
     [](auto& out, const std::string& path) { list_section(out, path, secrets_v2_keys); }},
}};

constexpr std::array<Choice<Source>, 3> sources{{
    {"kubernetes", Source::kubernetes},
    {"vault", Source::vault},
    {"file", Source::file},
}};

constexpr std::array<Key<Config>, 10> config_keys{{
    {"features", [](const Value& v, Config& c) { read_section(v, feature_keys, c); },
     [](auto& out, const std::string& path) { list_section(out, path, feature_keys); }},
    {"listen", [](const Value& v, Config& c) { read_listen(v, c.listen); }, list_listen},
    {"limits", [](const Value& v, Config& c) { read_limits(v, c.limits); }, list_limits},
    {"identity", [](const Value& v, Config& c) { read_identity(v, c.identity); }, list_identity},
    {"cache", [](const Value& v, Config& c) { read_cache(v, c.cache); }, list_cache},
    {"default_source", [](const Value& v, Config& c) { v.read_choice(c.default_source, sources); }},
    {"backends", [](const Value& v, Config& c) { read_backends(v, c.backends); }, list_backends},
    {"audit", [](const Value& v, Config& c) { read_audit(v, c.audit); }, list_audit},
    {"rotation", [](const Value& v, Config& c) { read_rotation(v, c.rotation); }, list_rotation},
    {"log", [](const Value& v, Config& c) { read_log(v, c.log); }, list_log},
}};

void check_default_source(ConfigReading& reading, const Config& config) {
  const BackendsConfig& backends = config.backends;
  const bool enabled = (config.default_source == Source::kubernetes && backends.kubernetes.enabled) ||
                       (config.default_source == Source::vault && backends.vault.enabled) ||
                       (config.default_source == Source::file && backends.file.enabled);
  if (enabled) {
    return;
  }
  std::string name;
  for (const Choice<Source>& source : sources) {
    if (source.value == config.default_source) {
      name = source.name;
    }
  }
  reading.refuse_key("default_source", "a source that is enabled, as `" + name + "` is not",
                     "Name another one, or set backends." + name + ".enabled to true");
}

}  // namespace

std::vector<std::string> schema_keys() {
  std::vector<std::string> keys;
  list_section(keys, "", config_keys);
  return keys;
}

void read_config(const Value& root, Config& into) {
  read_section(root, config_keys, into);
}

void check_config(ConfigReading& reading, const Config& config) {
  check_listen(reading, config.listen);
  check_limits(reading, config.limits);
  check_default_source(reading, config);
  check_vault_domains(reading, config.backends.vault);
  check_domains(reading, config);
}

}  // namespace tantalus
