// SPDX-License-Identifier: Apache-2.0
// A configuration. It is refused with at least one refusal, each at a place of the text and on one line, or it keeps
// every promise that what reads it relies on.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config/load.h"
#include "agent/config/names.h"

namespace {

using namespace tantalus;

constexpr std::string_view secret = "value-of-the-environment";

std::optional<std::string> environment(const std::string& name) {
  return name.size() == 1 ? std::optional<std::string>(secret) : std::nullopt;
}

void check_refusals(const std::vector<ConfigRefusal>& refusals, std::string_view text) {
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n') + 1);
  check(!refusals.empty(), "a refusal says why");
  for (const ConfigRefusal& refusal : refusals) {
    check(!refusal.what.empty(), "a refusal says what");
    // A line may also end in a lone carriage return.
    check(refusal.at.line >= 1 && refusal.at.line <= lines + std::ranges::count(text, '\r') + 1, "a place in the text");
    check(refusal.at.column >= 1, "a column");
    check(refusal.what.find('\n') == std::string::npos, "one line");
    check(refusal.key.find('\n') == std::string::npos, "one line");
    check(refusal.what.find(secret) == std::string::npos || text.find(secret) != std::string_view::npos,
          "no value of the environment");
  }
}

void check_config(const Config& config) {
  check(is_clean_path(config.listen.socket) && config.listen.socket.size() <= 107, "a socket's path");
  check(config.listen.mode <= 0777, "a mode");
  check(config.limits.buffers >= config.limits.max_frame, "room for a frame");
  check(config.limits.write_queue >= config.limits.max_value, "room for a value");
  check(config.limits.misses.per_second >= 1 && config.limits.misses.burst >= 1, "a rate");
  check(config.cache.per_domain_percent >= 1 && config.cache.per_domain_percent <= 100, "a share");
  check(config.cache.refresh_ahead_percent >= 1 && config.cache.refresh_ahead_percent <= 100, "a share");
  check(config.cache.ttl > Millis(0), "a TTL");
  check(!config.audit.sync || *config.audit.sync > Millis(0), "an interval");
  for (const RuleConfig& rule : config.identity.domains) {
    const int selectors = (rule.pod_label ? 1 : 0) + (rule.namespace_label ? 1 : 0) + (rule.namespace_glob ? 1 : 0) +
                          (rule.unit ? 1 : 0) + (rule.user ? 1 : 0);
    check(selectors == 1, "one selector");
    check(!rule.pod_label || !rule.namespaces.empty(), "a trusted namespace");
    check(rule.domain.has_value() != (rule.pod_label || rule.namespace_label), "one source of the domain");
  }
  for (const RuleConfig& rule : config.identity.admins) {
    check(!rule.domain && !rule.pod_label && !rule.namespace_label, "no label makes an admin");
  }
  for (const auto& [domain, integrations] : config.backends.vault.domains) {
    for (const VaultIntegrationConfig& integration : integrations) {
      check(is_https_address(integration.address), "https");
      check(integration.path.starts_with("/v1/") && integration.path.find("..") == std::string::npos, "a path");
      check(integration.ca_pem.find("PRIVATE KEY") == std::string::npos, "no key");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = parse_config(text, environment);
  if (config) {
    check_config(*config);
    check(config_diff_needs_restart(*config, *config).empty(), "the same needs no restart");
  } else {
    check_refusals(config.error(), text);
  }
  return 0;
}
