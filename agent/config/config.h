// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/instant.h"
#include "protocol/limits.h"
#include "protocol/reference.h"

/// The configuration as plain values (docs/configuration.md has every key). Defaults stand here and nowhere else.
namespace tantalus {

struct ListenConfig {
  std::string socket = "/run/tantalus/resolve.sock";
  std::uint32_t mode = 0666;
  std::string debug_socket = "/run/tantalus-private/debug.sock";
  std::string debug_group;
  std::string credentials_socket;
  std::string metrics;
  bool metrics_domains = false;
  friend bool operator==(const ListenConfig&, const ListenConfig&) = default;
};

/// Per pod, unit or uid: `rate` a second, up to `burst` at once.
struct Rate {
  std::uint32_t per_second = 100;
  std::uint32_t burst = 3000;
  friend bool operator==(const Rate&, const Rate&) = default;
};

struct LimitsConfig {
  std::uint32_t connections = 16384;
  std::uint32_t connections_per_peer = 1024;
  Millis first_frame{5'000};
  Millis frame_timeout{10'000};
  Millis write_timeout{30'000};
  std::size_t write_queue = 8 * limits::MiB;
  std::size_t buffers = 64 * limits::MiB;
  std::size_t max_frame = limits::max_frame;
  std::size_t max_value = limits::max_value;
  std::uint32_t max_batch = limits::max_batch;
  std::uint32_t max_inflight = limits::max_inflight;
  std::uint32_t inflight_per_domain = 4096;
  Rate misses;
  Millis drain{5'000};
  friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

/// One rule of `identity.domains` or `identity.admins`: exactly one of the first five selectors is set.
struct RuleConfig {
  std::optional<std::string> pod_label;
  std::optional<std::string> namespace_label;
  std::optional<std::string> namespace_glob;
  std::optional<std::string> unit;
  std::optional<std::string> user;      ///< A uid or a name.
  std::vector<std::string> namespaces;  ///< Globs; with `pod_label` required, else narrowing.
  std::optional<std::string> service_account;
  std::vector<std::string> containers;
  std::optional<std::string> domain;  ///< Required where the rule has no label that gives it; absent on admins.
  friend bool operator==(const RuleConfig&, const RuleConfig&) = default;
};

enum class AttestorKind : std::uint8_t { pod, token, unit, user };

struct IdentityConfig {
  std::string node_name;
  std::vector<AttestorKind> attestors{AttestorKind::pod, AttestorKind::unit, AttestorKind::user};
  bool attestors_named = false;  ///< Whether the file says so itself: then each must be there.
  std::string token_audience = "tantalus";
  bool token_host = false;
  std::string cgroup_root;
  Millis wait{5'000};
  bool host_users = false;
  bool refuse_host_pods = true;
  bool allow_weak_peer = false;
  std::vector<RuleConfig> domains;
  std::vector<RuleConfig> admins;
  std::map<std::string, std::string> objects;
  friend bool operator==(const IdentityConfig&, const IdentityConfig&) = default;
};

struct CacheConfig {
  std::size_t memory = 16 * limits::MiB;
  std::uint32_t per_domain_percent = 50;
  Millis ttl = std::chrono::minutes(5);
  std::uint32_t refresh_ahead_percent = 80;
  Millis stale_if_error = std::chrono::hours(1);
  Millis negative_ttl = std::chrono::seconds(10);
  friend bool operator==(const CacheConfig&, const CacheConfig&) = default;
};

enum class KubernetesFreshness : std::uint8_t { watch, poll };

struct KubernetesConfig {
  bool enabled = true;
  bool named = false;  ///< Whether the file says so itself: then it must work.
  std::string namespace_name = "iomete-system";
  std::string store = "iomete-secret-store";
  KubernetesFreshness freshness = KubernetesFreshness::watch;
  Millis poll = std::chrono::seconds(30);
  std::string kubeconfig;
  friend bool operator==(const KubernetesConfig&, const KubernetesConfig&) = default;
};

enum class VaultLayout : std::uint8_t { fields, paths };
enum class VaultAuthMethod : std::uint8_t { token, approle, kubernetes };
enum class VaultCredentials : std::uint8_t { kubernetes, file };

struct VaultUseConfig {
  std::string namespace_glob;
  std::optional<std::string> service_account;
  friend bool operator==(const VaultUseConfig&, const VaultUseConfig&) = default;
};

struct VaultAuthConfig {
  VaultAuthMethod method = VaultAuthMethod::token;
  std::string mount;  ///< Empty: the method's name.
  VaultCredentials credentials = VaultCredentials::kubernetes;
  std::string directory;
  std::string role;
  std::string service_account;
  std::string audience;
  friend bool operator==(const VaultAuthConfig&, const VaultAuthConfig&) = default;
};

struct VaultIntegrationConfig {
  std::string name;
  std::string address;
  std::string path;
  std::string namespace_name;
  VaultLayout layout = VaultLayout::fields;
  std::string value_field = "value";
  std::string ca_file;
  std::string ca_pem;
  std::string tls_server_name;
  std::string client_cert;
  std::string client_key;
  VaultAuthConfig auth;
  std::optional<std::vector<VaultUseConfig>> use;  ///< Absent: everyone in the domain.
  Millis poll = std::chrono::seconds(30);
  friend bool operator==(const VaultIntegrationConfig&, const VaultIntegrationConfig&) = default;
};

struct VaultConfig {
  bool enabled = true;
  bool named = false;
  Millis timeout = std::chrono::seconds(5);
  std::uint32_t concurrency = 32;
  bool discover = true;
  Millis token_ttl{0};
  std::map<std::string, std::vector<VaultIntegrationConfig>> domains;
  friend bool operator==(const VaultConfig&, const VaultConfig&) = default;
};

struct FileConfig {
  bool enabled = false;
  std::string directory = "/etc/tantalus/secrets";
  friend bool operator==(const FileConfig&, const FileConfig&) = default;
};

struct BackendsConfig {
  KubernetesConfig kubernetes;
  VaultConfig vault;
  FileConfig file;
  friend bool operator==(const BackendsConfig&, const BackendsConfig&) = default;
};

enum class AuditFailure : std::uint8_t { deny, allow };

struct AuditConfig {
  std::string path = "/var/log/tantalus/audit.jsonl";  ///< "-": standard output; empty: off.
  AuditFailure on_failure = AuditFailure::deny;
  std::optional<Millis> sync = std::chrono::seconds(1);  ///< Unset: `always`.
  std::uint32_t lines_per_second = 1000;                 ///< 0: every answer a line.
  std::size_t max_bytes = 256 * limits::MiB;
  std::uint32_t keep = 8;
  friend bool operator==(const AuditConfig&, const AuditConfig&) = default;
};

struct RotationConfig {
  std::map<std::string, Millis> scopes;  ///< By scope's name.
  std::map<std::string, Millis> keys;    ///< By glob.
  friend bool operator==(const RotationConfig&, const RotationConfig&) = default;
};

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, off };
enum class LogFormat : std::uint8_t { text, json };

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct Config {
  bool secrets_v2 = true;  ///< features.secretsV2.enabled
  ListenConfig listen;
  LimitsConfig limits;
  IdentityConfig identity;
  CacheConfig cache;
  Source default_source = Source::kubernetes;
  BackendsConfig backends;
  AuditConfig audit;
  RotationConfig rotation;
  LogConfig log;
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace tantalus
