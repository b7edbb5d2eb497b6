// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon_settings.h"

#include <algorithm>
#include <filesystem>

#include "agent/identity/attestor.h"
#include "agent/version.h"

namespace tantalus {
namespace {

constexpr std::size_t floors = 16;  // A domain keeps a sixteenth of the memory whatever others do.

}  // namespace

Cache::Options cache_options(const Config& config) {
  const std::size_t share = config.cache.memory / 100 * config.cache.per_domain_percent;
  return {.per_domain = share, .per_domain_floor = std::min(share, config.cache.memory / floors)};
}

FreshnessRules freshness_rules(const Config& config) {
  return {config.cache.ttl, config.cache.stale_if_error, config.cache.negative_ttl, config.cache.refresh_ahead_percent};
}

Service::Options service_options(const Config& config) {
  return {.agent = std::string("tantalusd/") + std::string(version_text),
          .secrets_v2 = config.secrets_v2,
          .allow_weak_peer = config.identity.allow_weak_peer};
}

std::unique_ptr<const Policy> make_policy(const Config& config) {
  return std::make_unique<const Policy>(Policy::Sources{.default_source = config.default_source,
                                                        .kubernetes = false,
                                                        .file = config.backends.file.enabled,
                                                        .vault = false});
}

std::optional<std::string> refuse_unbuilt(const Config& config) {
  if (config.backends.kubernetes.enabled && config.backends.kubernetes.named) {
    return "backends.kubernetes.enabled: this build has no Kubernetes backend; set it to false";
  }
  if (config.backends.vault.enabled && (config.backends.vault.named || !config.backends.vault.domains.empty())) {
    return "backends.vault.enabled: this build has no Vault backend; set it to false";
  }
  if (!config.listen.metrics.empty()) {
    return "listen.metrics: this build serves no metrics; leave it empty";
  }
  if (!config.listen.credentials_socket.empty()) {
    return "listen.credentials_socket: this build serves no credentials socket; leave it empty";
  }
  if (config.identity.attestors_named) {
    for (const AttestorKind kind : config.identity.attestors) {
      if (kind != AttestorKind::user) {
        return "identity.attestors: this build has no attestor `" + std::string(to_text(kind)) + "`; it has `user`";
      }
    }
  }
  if (config.default_source == Source::kubernetes && config.backends.file.enabled) {
    return "default_source: kubernetes is not enabled on this node; set it to file";
  }
  return std::nullopt;
}

std::optional<std::string> refuse(const Config& config) {
  if (std::optional<std::string> refusal = refuse_unbuilt(config)) {
    return refusal;
  }
  DomainTable domains;
  const Result<Rules> rules = Rules::compile(config.identity, config.backends.kubernetes.store, domains, false);
  return rules.has_value() ? std::nullopt : std::optional(rules.error().message);
}

Log::Level log_level(const Config& config) noexcept {
  return static_cast<Log::Level>(config.log.level);
}

Log::Format log_format(const Config& config) noexcept {
  return static_cast<Log::Format>(config.log.format);
}

std::vector<std::string> directories_of(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int most_links = 40;  // As the kernel (path_resolution(7)).
  std::vector<std::string> directories;
  std::error_code ignored;
  fs::path at = fs::absolute(path, ignored);
  for (int i = 0; i < most_links; ++i) {
    directories.push_back(at.parent_path().string());
    if (!fs::is_symlink(at, ignored)) {
      break;
    }
    const fs::path target = fs::read_symlink(at, ignored);
    // A ConfigMap's file leads through the link `..data`, beside which the next one will be made.
    at = target.is_absolute() ? target : at.parent_path() / target;
  }
  const fs::path real = fs::canonical(path, ignored);
  if (!ignored) {
    directories.push_back(real.parent_path().string());
  }
  std::ranges::sort(directories);
  directories.erase(std::ranges::unique(directories).begin(), directories.end());
  return directories;
}

}  // namespace tantalus
