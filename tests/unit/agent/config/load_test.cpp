// SPDX-License-Identifier: Apache-2.0
#include "agent/config/load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tantalus;
using namespace std::chrono_literals;
using limits::KiB;
using limits::MiB;
using test::TempDir;

namespace {

std::optional<std::string> no_variables(const std::string&) {
  return std::nullopt;
}

Config parse(std::string_view text) {
  auto config = parse_config(text, no_variables);
  if (!config) {
    FAIL(to_text(config.error().front(), "test.yaml"));
  }
  return std::move(*config);
}

std::string write_file(const TempDir& dir, const std::string& text) {
  const std::string path = dir / "tantalusd.yaml";
  std::ofstream(path) << text;
  return path;
}

void check_defaults(const Config& c) {
  CHECK(c.secrets_v2);
  CHECK(c.listen.socket == "/run/tantalus/resolve.sock");
  CHECK(c.listen.mode == 0666);
  CHECK(c.listen.debug_socket == "/run/tantalus-private/debug.sock");
  CHECK(c.listen.debug_group.empty());
  CHECK(c.listen.credentials_socket.empty());
  CHECK(c.listen.metrics.empty());
  CHECK_FALSE(c.listen.metrics_domains);
  CHECK(c.limits.connections == 16384);
  CHECK(c.limits.connections_per_peer == 1024);
  CHECK(c.limits.first_frame == 5s);
  CHECK(c.limits.frame_timeout == 10s);
  CHECK(c.limits.write_timeout == 30s);
  CHECK(c.limits.write_queue == 8 * MiB);
  CHECK(c.limits.buffers == 64 * MiB);
  CHECK(c.limits.max_frame == 256 * KiB);
  CHECK(c.limits.max_value == 1 * MiB);
  CHECK(c.limits.max_batch == 256);
  CHECK(c.limits.max_inflight == 1024);
  CHECK(c.limits.inflight_per_domain == 4096);
  CHECK(c.limits.misses.per_second == 100);
  CHECK(c.limits.misses.burst == 3000);
  CHECK(c.limits.drain == 5s);
  CHECK(c.identity.node_name.empty());
  CHECK(c.identity.attestors == std::vector{AttestorKind::pod, AttestorKind::unit, AttestorKind::user});
  CHECK(c.identity.token_audience == "tantalus");
  CHECK_FALSE(c.identity.token_host);
  CHECK(c.identity.cgroup_root.empty());
  CHECK(c.identity.wait == 5s);
  CHECK_FALSE(c.identity.host_users);
  CHECK(c.identity.refuse_host_pods);
  CHECK_FALSE(c.identity.allow_weak_peer);
  CHECK(c.cache.memory == 16 * MiB);
  CHECK(c.cache.per_domain_percent == 50);
  CHECK(c.cache.ttl == 5min);
  CHECK(c.cache.refresh_ahead_percent == 80);
  CHECK(c.cache.stale_if_error == 1h);
  CHECK(c.cache.negative_ttl == 10s);
  CHECK(c.default_source == Source::kubernetes);
  CHECK(c.backends.kubernetes.enabled);
  CHECK(c.backends.kubernetes.namespace_name == "iomete-system");
  CHECK(c.backends.kubernetes.store == "iomete-secret-store");
  CHECK(c.backends.kubernetes.freshness == KubernetesFreshness::watch);
  CHECK(c.backends.kubernetes.poll == 30s);
  CHECK(c.backends.kubernetes.kubeconfig.empty());
  CHECK(c.backends.vault.enabled);
  CHECK(c.backends.vault.timeout == 5s);
  CHECK(c.backends.vault.concurrency == 32);
  CHECK(c.backends.vault.discover);
  CHECK(c.backends.vault.token_ttl == 0s);
  CHECK_FALSE(c.backends.file.enabled);
  CHECK(c.backends.file.directory == "/etc/tantalus/secrets");
  CHECK(c.audit.path == "/var/log/tantalus/audit.jsonl");
  CHECK(c.audit.on_failure == AuditFailure::deny);
  CHECK(c.audit.sync == Millis(1s));
  CHECK(c.audit.lines_per_second == 1000);
  CHECK(c.audit.max_bytes == 256 * MiB);
  CHECK(c.audit.keep == 8);
  CHECK(c.log.level == LogLevel::info);
  CHECK(c.log.format == LogFormat::text);
}

// Every key of the schema with its default, and in the parts whose defaults are empty one of each kind.
constexpr const char* full = R"(
features:
  secretsV2:
    enabled: true
listen:
  socket: /run/tantalus/resolve.sock
  mode: "0666"
  debug_socket: /run/tantalus-private/debug.sock
  debug_group: ""
  credentials_socket: ""
  metrics: ""
  metrics_domains: false
limits:
  connections: 16384
  connections_per_peer: 1024
  first_frame: 5s
  frame_timeout: 10s
  write_timeout: 30s
  write_queue: 8MiB
  buffers: 64MiB
  max_frame: 256KiB
  max_value: 1MiB
  max_batch: 256
  max_inflight: 1024
  inflight_per_domain: 4096
  misses: 100/s burst 3000
  drain: 5s
identity:
  node_name: ${NODE_NAME:-}
  attestors: [pod, unit, user]
  token_audience: tantalus
  token_host: false
  cgroup_root: ""
  wait: 5s
  host_users: false
  refuse_host_pods: true
  allow_weak_peer: false
  domains:
    - pod_label: iomete.com/domain
      namespaces: [spark-jobs, "spark-*"]
    - namespace_label: iomete.com/domain
    - namespace: "spark-finance-*"
      service_account: "*"
      containers: ["*"]
      domain: finance
    - unit: airflow.service
      domain: finance
    - user: 1000
      domain: finance
    - user: 1002
      domain: Finance_Team
  admins:
    - namespace: tantalus-admin
      service_account: control-plane
  objects:
    Finance_Team: finance-team
cache:
  memory: 16MiB
  per_domain: 50%
  ttl: 5m
  refresh_ahead: 80%
  stale_if_error: 1h
  negative_ttl: 10s
default_source: kubernetes
backends:
  kubernetes:
    enabled: true
    namespace: iomete-system
    store: iomete-secret-store
    freshness: watch
    poll: 30s
    kubeconfig: ""
  vault:
    enabled: true
    timeout: 5s
    concurrency: 32
    discover: true
    token_ttl: 0s
    domains:
      finance:
        - name: main
          address: https://vault.company.com
          path: /v1/secret/data/production
          namespace: finance
          layout: fields
          value_field: value
          ca_file: /etc/tantalus/vault-ca.pem
          ca_pem: ""
          tls_server_name: ""
          client_cert: ""
          client_key: ""
          auth:
            method: approle
            mount: approle
            credentials: kubernetes
            directory: ""
            role: ""
            service_account: ""
            audience: ""
          use:
            - namespace: "spark-finance-*"
              service_account: "etl-*"
          poll: 30s
        - name: second
          address: https://vault.company.com:8200
          path: /v1/secret/data/other
          layout: paths
          ca_pem: |
            -----BEGIN CERTIFICATE-----
            MIIB
            -----END CERTIFICATE-----
          client_cert: /etc/tantalus/cert.pem
          client_key: /etc/tantalus/key.pem
          auth: {method: kubernetes, role: finance, service_account: spark/etl, audience: vault-second}
        - name: third
          address: https://[::1]:8200
          path: /v1/kv/data/x
          auth: {method: token, credentials: file, directory: /etc/tantalus/credentials}
          poll: 0s
  file:
    enabled: false
    directory: /etc/tantalus/secrets
audit:
  path: /var/log/tantalus/audit.jsonl
  on_failure: deny
  sync: 1s
  lines: 1000/s
  max_bytes: 256MiB
  keep: 8
rotation:
  max_age: { scopes: { domain: 90d }, keys: { "smtp-*": 30d } }
log:
  level: info
  format: text
)";

}  // namespace

TEST_CASE("an empty file, and sections with nothing in them, are the defaults") {
  check_defaults(Config{});
  check_defaults(parse(""));
  check_defaults(parse("# nothing but a comment\n"));
  const Config config =
      parse("features:\nlisten:\nlimits:\nidentity:\ncache:\nbackends:\n  vault:\naudit:\nrotation:\nlog:\n");
  check_defaults(config);
  CHECK_FALSE(config.backends.vault.named);
}

TEST_CASE("the whole schema is read, with every backend") {
  const Config c = parse(full);
  check_defaults(c);
  REQUIRE(c.identity.domains.size() == 6);
  CHECK(c.identity.domains[0].pod_label == "iomete.com/domain");
  CHECK(c.identity.domains[0].namespaces == std::vector<std::string>{"spark-jobs", "spark-*"});
  CHECK_FALSE(c.identity.domains[0].domain);
  CHECK(c.identity.domains[1].namespace_label == "iomete.com/domain");
  CHECK(c.identity.domains[2].namespace_glob == "spark-finance-*");
  CHECK(c.identity.domains[2].service_account == "*");
  CHECK(c.identity.domains[2].containers == std::vector<std::string>{"*"});
  CHECK(c.identity.domains[2].domain == "finance");
  CHECK(c.identity.domains[3].unit == "airflow.service");
  CHECK(c.identity.domains[4].user == "1000");
  REQUIRE(c.identity.admins.size() == 1);
  CHECK(c.identity.admins[0].namespace_glob == "tantalus-admin");
  CHECK(c.identity.admins[0].service_account == "control-plane");
  CHECK(c.identity.objects == std::map<std::string, std::string>{{"Finance_Team", "finance-team"}});
  CHECK(c.backends.kubernetes.named);
  CHECK(c.backends.vault.named);
  REQUIRE(c.backends.vault.domains.at("finance").size() == 3);
  const VaultIntegrationConfig& first = c.backends.vault.domains.at("finance")[0];
  CHECK(first.name == "main");
  CHECK(first.address == "https://vault.company.com");
  CHECK(first.path == "/v1/secret/data/production");
  CHECK(first.namespace_name == "finance");
  CHECK(first.layout == VaultLayout::fields);
  CHECK(first.value_field == "value");
  CHECK(first.ca_file == "/etc/tantalus/vault-ca.pem");
  CHECK(first.auth.method == VaultAuthMethod::approle);
  CHECK(first.auth.mount == "approle");
  REQUIRE(first.use);
  CHECK(first.use->at(0).namespace_glob == "spark-finance-*");
  CHECK(first.use->at(0).service_account == "etl-*");
  CHECK(first.poll == 30s);
  const VaultIntegrationConfig& second = c.backends.vault.domains.at("finance")[1];
  CHECK(second.layout == VaultLayout::paths);
  CHECK(second.ca_pem.starts_with("-----BEGIN CERTIFICATE-----\nMIIB\n"));
  CHECK(second.client_key == "/etc/tantalus/key.pem");
  CHECK(second.auth.method == VaultAuthMethod::kubernetes);
  CHECK(second.auth.role == "finance");
  CHECK(second.auth.service_account == "spark/etl");
  CHECK(second.auth.audience == "vault-second");
  CHECK_FALSE(second.use);
  const VaultIntegrationConfig& third = c.backends.vault.domains.at("finance")[2];
  CHECK(third.auth.credentials == VaultCredentials::file);
  CHECK(third.auth.directory == "/etc/tantalus/credentials");
  CHECK(third.poll == 0s);
  CHECK(c.rotation.scopes.at("domain") == 24h * 90);
  CHECK(c.rotation.keys.at("smtp-*") == 24h * 30);
}

TEST_CASE("every key can be changed, and changes nothing but itself") {
  const Config c = parse(R"(
features: {secretsV2: {enabled: false}}
listen: {socket: /a/s, mode: "660", debug_socket: /b/d, debug_group: wheel, credentials_socket: /b/c, metrics: "[::1]:1", metrics_domains: true}
limits: {connections: 1, connections_per_peer: 2, first_frame: 1s, frame_timeout: 2s, write_timeout: 3s, write_queue: 2MiB,
  buffers: 1MiB, max_frame: 1KiB, max_value: 2KiB, max_batch: 3, max_inflight: 4, inflight_per_domain: 5, misses: 6/s burst 7, drain: 0s}
identity: {node_name: n1, attestors: [token], token_audience: x, token_host: true, cgroup_root: /kind, wait: 1s, host_users: true,
  refuse_host_pods: false, allow_weak_peer: true}
cache: {memory: 1MiB, per_domain: 10%, ttl: 1s, refresh_ahead: 1%, stale_if_error: 2s, negative_ttl: 0s}
default_source: file
backends:
  kubernetes: {enabled: false, namespace: a, store: b, freshness: poll, poll: 1s, kubeconfig: /k}
  vault: {enabled: false, timeout: 1s, concurrency: 1, discover: false, token_ttl: 1h}
  file: {enabled: true, directory: /f}
audit: {path: "-", on_failure: allow, sync: always, lines: 0, max_bytes: 1MiB, keep: 1}
log: {level: "off", format: json}
)");
  CHECK_FALSE(c.secrets_v2);
  CHECK(c.listen == ListenConfig{"/a/s", 0660, "/b/d", "wheel", "/b/c", "[::1]:1", true});
  CHECK(c.limits.connections == 1);
  CHECK(c.limits.connections_per_peer == 2);
  CHECK(c.limits.first_frame == 1s);
  CHECK(c.limits.frame_timeout == 2s);
  CHECK(c.limits.write_timeout == 3s);
  CHECK(c.limits.write_queue == 2 * MiB);
  CHECK(c.limits.buffers == 1 * MiB);
  CHECK(c.limits.max_frame == 1 * KiB);
  CHECK(c.limits.max_value == 2 * KiB);
  CHECK(c.limits.max_batch == 3);
  CHECK(c.limits.max_inflight == 4);
  CHECK(c.limits.inflight_per_domain == 5);
  CHECK(c.limits.misses.per_second == 6);
  CHECK(c.limits.misses.burst == 7);
  CHECK(c.limits.drain == 0s);
  CHECK(c.identity.node_name == "n1");
  CHECK(c.identity.attestors == std::vector{AttestorKind::token});
  CHECK(c.identity.token_audience == "x");
  CHECK(c.identity.token_host);
  CHECK(c.identity.cgroup_root == "/kind");
  CHECK(c.identity.wait == 1s);
  CHECK(c.identity.host_users);
  CHECK_FALSE(c.identity.refuse_host_pods);
  CHECK(c.identity.allow_weak_peer);
  CHECK(c.cache.memory == 1 * MiB);
  CHECK(c.cache.per_domain_percent == 10);
  CHECK(c.cache.ttl == 1s);
  CHECK(c.cache.refresh_ahead_percent == 1);
  CHECK(c.cache.stale_if_error == 2s);
  CHECK(c.cache.negative_ttl == 0s);
  CHECK(c.default_source == Source::file);
  CHECK_FALSE(c.backends.kubernetes.enabled);
  CHECK_FALSE(c.backends.kubernetes.named);
  CHECK(c.backends.kubernetes.namespace_name == "a");
  CHECK(c.backends.kubernetes.store == "b");
  CHECK(c.backends.kubernetes.freshness == KubernetesFreshness::poll);
  CHECK(c.backends.kubernetes.poll == 1s);
  CHECK(c.backends.kubernetes.kubeconfig == "/k");
  CHECK_FALSE(c.backends.vault.enabled);
  CHECK(c.backends.vault.timeout == 1s);
  CHECK(c.backends.vault.concurrency == 1);
  CHECK_FALSE(c.backends.vault.discover);
  CHECK(c.backends.vault.token_ttl == 1h);
  CHECK(c.backends.file.enabled);
  CHECK(c.backends.file.directory == "/f");
  CHECK(c.audit.path == "-");
  CHECK(c.audit.on_failure == AuditFailure::allow);
  CHECK_FALSE(c.audit.sync);
  CHECK(c.audit.lines_per_second == 0);
  CHECK(c.audit.max_bytes == 1 * MiB);
  CHECK(c.audit.keep == 1);
  CHECK(c.log.level == LogLevel::off);
  CHECK(c.log.format == LogFormat::json);
}

TEST_CASE("variables are replaced in values of any type, after parsing") {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "NODE_NAME") {
      return "node-1";
    }
    if (name == "SIZE") {
      return "32";
    }
    return name == "YAML" ? std::optional<std::string>("a: [b]\nc: ") : std::nullopt;
  };
  const auto config = parse_config(
      "identity:\n  node_name: ${NODE_NAME}\ncache:\n  memory: ${SIZE}MiB\nlimits:\n  max_batch: ${SIZE}\n",
      environment);
  REQUIRE(config);
  CHECK(config->identity.node_name == "node-1");
  CHECK(config->cache.memory == 32 * MiB);
  CHECK(config->limits.max_batch == 32);
  const auto injected = parse_config("log:\n  level: ${YAML}\n", environment);
  REQUIRE_FALSE(injected);
  CHECK(injected.error().front().key == "log.level");
  CHECK(injected.error().front().what.find("[b]") == std::string::npos);
}

TEST_CASE("a file is read whole, and its fingerprint tells a change") {
  const TempDir dir;
  const std::string path = write_file(dir, "cache:\n  ttl: 1s\n");
  const auto loaded = load_config(path, no_variables);
  REQUIRE(loaded);
  CHECK(loaded->config.cache.ttl == 1s);
  CHECK(loaded->source.path == path);
  CHECK(loaded->source.text == "cache:\n  ttl: 1s\n");
  CHECK(loaded->source.fingerprint == load_config(path, no_variables)->source.fingerprint);
  write_file(dir, "cache:\n  ttl: 2s\n");
  CHECK(load_config(path, no_variables)->source.fingerprint != loaded->source.fingerprint);
}

TEST_CASE("a file that can't be read is named, with the reason") {
  const TempDir dir;
  const auto expect = [](const Result<LoadedConfig>& loaded, const std::string& what) {
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == Code::misconfigured);
    CHECK_THAT(loaded.error().message, Catch::Matchers::ContainsSubstring(what));
  };
  expect(load_config(dir / "missing.yaml"), dir / "missing.yaml: can't be read: No such file");
  expect(load_config(dir.path()), "no regular file");
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  expect(load_config(dir / "fifo"), "no regular file");  // And does not wait for a writer.
  expect(load_config(write_file(dir, std::string(2U << 20U, '#'))), ":1:1: ");
  expect(load_config(write_file(dir, "a: [")), "tantalusd.yaml:");
}

TEST_CASE("all that is wrong is said, in the order of the file") {
  const TempDir dir;
  const std::string path = write_file(dir, "log:\n  level: loud\ncache:\n  ttl: 5\nlistne:\n  socket: /x\n");
  const auto loaded = load_config(path, no_variables);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message ==
        path + ":2:10: log.level: expected trace, debug, info, warning, error or off; found `loud`\n" + path +
            ":4:8: cache.ttl: expected a duration from 10ms to 365d; found `5`. It is a whole number and one unit, "
            "such as "
            "250ms, 30s, 5m, 1h or 90d\n" +
            path + ":5:1: listne: unknown key: did you mean `listen`?");
  std::string many = "limits:\n";
  for (int i = 0; i < 500; ++i) {
    many += "  unknown_" + std::to_string(i) + ": 1\n";
  }
  const auto flooded = load_config(write_file(dir, many), no_variables);
  REQUIRE_FALSE(flooded);
  CHECK(std::ranges::count(flooded.error().message, '\n') == 20);
  CHECK_THAT(flooded.error().message, Catch::Matchers::ContainsSubstring(" more"));
}

TEST_CASE("a reload says which changes need a restart") {
  const Config before = parse(full);
  CHECK(config_diff_needs_restart(before, before).empty());
  Config after = before;
  after.cache.ttl = 1s;
  after.identity.domains.clear();
  after.audit.path = "-";
  after.log.level = LogLevel::debug;
  CHECK(config_diff_needs_restart(before, after).empty());
  after.listen = {"/x/s", 0600, "/x/d", "x", "/x/c", "localhost:1", true};
  after.cache.memory = 1;
  after.backends.kubernetes.kubeconfig = "/x";
  CHECK(config_diff_needs_restart(before, after) ==
        std::vector<std::string>{"listen.socket", "listen.mode", "listen.debug_socket", "listen.debug_group",
                                 "listen.credentials_socket", "listen.metrics", "listen.metrics_domains",
                                 "cache.memory", "backends.kubernetes.kubeconfig"});
}
