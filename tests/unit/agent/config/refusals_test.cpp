// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <vector>

#include "agent/config/load.h"
#include "agent/config/schema.h"
#include "tests/support/catch.h"

using namespace tantalus;

namespace {

std::optional<std::string> no_variables(const std::string&) {
  return std::nullopt;
}

struct Case {
  std::string yaml;
  std::uint32_t line;
  std::uint32_t column;
  std::string key;
  std::string says;  ///< A part of the text.
};

void check_refused(const Case& expected) {
  INFO(expected.yaml);
  INFO(expected.line << ":" << expected.column);
  const auto config = parse_config(expected.yaml, no_variables);
  REQUIRE_FALSE(config);
  const ConfigRefusal& first = config.error().front();
  INFO(to_text(first, "test.yaml"));
  CHECK(first.key == expected.key);
  CHECK(first.at == Position{expected.line, expected.column});
  CHECK_THAT(first.what, Catch::Matchers::ContainsSubstring(expected.says));
}

/// `a.b.c` with a value, as YAML.
Case at(const std::string& key, const std::string& value, const std::string& says) {
  std::string yaml;
  std::uint32_t line = 1;
  std::string indent;
  std::size_t begin = 0;
  while (true) {
    const std::size_t dot = key.find('.', begin);
    yaml.append(indent).append(key.substr(begin, dot - begin)).append(":");
    if (dot == std::string::npos) {
      const auto column =
          static_cast<std::uint32_t>(value.empty() ? indent.size() + 1 : indent.size() + (key.size() - begin) + 3);
      return {yaml + " " + value + "\n", line, column, key, says};
    }
    yaml += "\n";
    indent += "  ";
    begin = dot + 1;
    ++line;
  }
}

/// A key of the first integration of the domain `finance`, beside what it needs.
std::string vault(const std::string& keys) {
  return "backends:\n  vault:\n    domains:\n      finance:\n        - " + keys + "\n";
}

constexpr const char* whole = "{name: a, address: 'https://a', path: /v1/s/data/x, auth: {method: token}";

}  // namespace

TEST_CASE("each key refuses a wrong type and an impossible value, naming where, what and how else", "[trap-119]") {
  const std::vector<Case> cases{
      at("features.secretsV2.enabled", "\"true\"",
         "expected true or false; found the text \"true\". Write it without quotes"),
      at("features.secretsV2.enabled", "yes", "found `yes`"),
      at("listen.socket", "resolve.sock", "an absolute path"),
      at("listen.socket", "/run/../x", "without empty or dot segments"),
      at("listen.socket", "/run/" + std::string(103, 'x'), "at most 107 bytes"),
      at("listen.socket", "", "found nothing"),
      at("listen.mode", "0666", "Write it in quotes: \"0666\""),
      at("listen.mode", "438", "in quotes"),
      at("listen.mode", "\"0888\"", "three octal digits"),
      at("listen.mode", "\"4755\"", "three octal digits"),
      at("listen.debug_socket", "\"\"", "an absolute path"),
      at("listen.debug_socket", "/run/tantalus/debug.sock", "another directory than that of listen.socket"),
      at("listen.debug_group", "[wheel]", "the name or number of a group, or \"\"; found a list"),
      at("listen.credentials_socket", "/run/tantalus/c.sock", "another directory"),
      at("listen.credentials_socket", "/run/tantalus-private/debug.sock",
         "another path than that of listen.debug_socket"),
      at("listen.metrics", "9464", "HOST:PORT"),
      at("listen.metrics_domains", "1", "true or false"),
      at("limits.connections", "0", "a number from 1 to 1048576; found `0`"),
      at("limits.connections", "\"16\"", "Write it without quotes"),
      at("limits.connections", "0x10", "a number"),
      at("limits.connections", "1e3", "a number"),
      at("limits.connections", "-1", "a number"),
      at("limits.connections_per_peer", "many", "a number"),
      at("limits.first_frame", "5", "It is a whole number and one unit"),
      at("limits.frame_timeout", "0s", "from 10ms to 1h"),
      at("limits.write_timeout", "1d", "from 10ms to 1h"),
      at("limits.write_queue", "8MB", "KiB, MiB and GiB"),
      at("limits.write_queue", "512KiB", "at least one value's room (limits.max_value is 1MiB); found `512KiB`"),
      at("limits.buffers", "1.5GiB", "a size"),
      at("limits.buffers", "128KiB", "at least one frame's room"),
      at("limits.max_frame", "512B", "from 1KiB to 16MiB"),
      at("limits.max_value", "1GiB", "a size"),
      at("limits.max_batch", "5000", "from 1 to 4096"),
      at("limits.max_inflight", "{}", "found a mapping"),
      at("limits.inflight_per_domain", "x", "a number"),
      at("limits.misses", "100/s", "`100/s burst 3000`"),
      at("limits.misses", "0/s burst 1", "each number from 1"),
      at("limits.drain", "-1s", "a duration"),
      at("identity.node_name", "Node_1", "the node's name"),
      at("identity.attestors", "pod", "a list of attestors"),
      at("identity.attestors", "[]", "at least one"),
      {"identity:\n  attestors: [pod, unit, pod]\n", 2, 26, "identity.attestors[2]", "each attestor once"},
      {"identity:\n  attestors: [pods]\n", 2, 15, "identity.attestors[0]", "pod, token, unit or user; found `pods`"},
      at("identity.token_audience", "\"\"", "an audience"),
      at("identity.token_host", "on", "true or false"),
      at("identity.cgroup_root", "kubelet", "begins with /"),
      at("identity.cgroup_root", "/kubelet/", "no / at its end"),
      at("identity.wait", "10m", "from 0s to 5m"),
      at("identity.host_users", "\"\"", "true or false"),
      at("identity.refuse_host_pods", "null", "found nothing"),
      at("identity.allow_weak_peer", "[true]", "found a list"),
      at("identity.domains", "{user: 1}", "a list of rules"),
      at("identity.admins", "root", "a list of rules"),
      at("identity.objects", "[]", "a mapping from domains"),
      at("cache.memory", "16M", "a size"),
      at("cache.memory", "1KiB", "from 64KiB"),
      at("cache.per_domain", "50", "a share from 1% to 100%"),
      at("cache.ttl", "0s", "from 10ms"),
      at("cache.refresh_ahead", "0%", "from 1% to 100%"),
      at("cache.refresh_ahead", "101%", "from 1% to 100%"),
      at("cache.stale_if_error", "366d", "from 0s to 365d"),
      at("cache.negative_ttl", "10", "a duration"),
      at("default_source", "KUBERNETES", "kubernetes, vault or file"),
      at("default_source", "file",
         "a source that is enabled, as `file` is not; found `file`. Name another one, or set backends.file.enabled"),
      at("backends.kubernetes.enabled", "maybe", "true or false"),
      at("backends.kubernetes.namespace", "a.b", "the name of a namespace"),
      at("backends.kubernetes.store", "Store", "a DNS-1123 name"),
      at("backends.kubernetes.store", std::string(201, 'a'), "at most 200 bytes"),
      at("backends.kubernetes.freshness", "inotify", "watch or poll"),
      at("backends.kubernetes.poll", "1ms", "from 100ms"),
      at("backends.kubernetes.kubeconfig", "~/.kube/config", "the absolute path of a file"),
      at("backends.vault.enabled", "2", "true or false"),
      at("backends.vault.timeout", "1h", "from 100ms to 10m"),
      at("backends.vault.concurrency", "0", "from 1 to 1024"),
      at("backends.vault.discover", "~", "true or false"),
      at("backends.vault.token_ttl", "forever", "a duration"),
      at("backends.vault.domains", "[]", "a mapping from domains"),
      at("backends.file.enabled", "'false'", "without quotes"),
      at("backends.file.directory", "secrets", "the absolute path of a directory"),
      at("audit.path", "audit.jsonl", "\"-\" (standard output), or \"\""),
      at("audit.on_failure", "ignore", "deny or allow"),
      at("audit.sync", "0s", "`always`, or a duration from 10ms"),
      at("audit.sync", "never", "`always`"),
      at("audit.lines", "1000", "a rate such as `1000/s`"),
      at("audit.lines", "0/s", "or 0"),
      at("audit.max_bytes", "1KiB", "from 4KiB to 1024GiB"),
      at("audit.keep", "0", "from 1"),
      at("rotation.max_age", "90d", "a mapping"),
      at("rotation.max_age.scopes", "90d", "a mapping from scopes"),
      at("rotation.max_age.scopes.team", "90d", "domain, global or admin before the colon"),
      at("rotation.max_age.scopes.domain", "0s", "from 1s"),
      at("rotation.max_age.keys", "[]", "a mapping from keys"),
      at("rotation.max_age.keys.a b", "1d", "a secret's key before the colon"),
      at("log.level", "verbose", "trace, debug, info, warning, error or off"),
      at("log.format", "xml", "text or json"),
      at("log", "info", "a mapping with keys such as `level`"),
  };
  for (const Case& expected : cases) {
    check_refused(expected);
  }
}

TEST_CASE("rules are refused that select nothing, too much, or by what can't be trusted", "[trap-123]") {
  const auto domains = [](const std::string& rule) { return "identity:\n  domains:\n    - " + rule + "\n"; };
  const auto admins = [](const std::string& rule) { return "identity:\n  admins:\n    - " + rule + "\n"; };
  const std::string rule = "identity.domains[0]";
  const std::vector<Case> cases{
      {domains("{domain: a}"), 3, 7, rule, "found none of them"},
      {domains("{user: 1, unit: a.service, domain: a}"), 3, 7, rule, "found both `unit` and `user`. Write two rules"},
      {domains("{user: 1}"), 3, 7, rule, "expected `domain`"},
      {domains("{namespace: a}"), 3, 7, rule, "expected `domain`"},
      {domains("{pod_label: a/b}"), 3, 7, rule, "expected `namespaces` beside `pod_label`"},
      {domains("{pod_label: a/b, namespaces: [x], domain: c}"), 3, 7, rule, "expected no `domain` beside a label"},
      {domains("{namespace_label: a/b, service_account: x}"), 3, 7, rule, "beside `service_account`"},
      {domains("{namespace: a, namespaces: [b], domain: c}"), 3, 7, rule, "`namespace` or `namespaces`; found both"},
      {domains("{user: 1, containers: [x], domain: c}"), 3, 7, rule,
       "only in a rule for pods; found one beside `user`"},
      {domains("user"), 3, 7, rule, "expected a rule"},
      {domains("{pod_label: a b, namespaces: [x]}"), 3, 19, rule + ".pod_label", "a label's key"},
      {domains("{namespace_label: /x}"), 3, 25, rule + ".namespace_label", "a label's key"},
      {domains("{namespace: Spark, domain: a}"), 3, 19, rule + ".namespace", "lower-case"},
      {domains("{unit: airflow, domain: a}"), 3, 14, rule + ".unit", "ends in .service or .scope"},
      {domains("{user: 4294967295, domain: a}"), 3, 14, rule + ".user", "a uid or the name of a user"},
      {domains("{user: a b, domain: a}"), 3, 14, rule + ".user", "a uid or the name of a user"},
      {domains("{pod_label: a, namespaces: x}"), 3, 34, rule + ".namespaces", "a list of names"},
      {domains("{pod_label: a, namespaces: []}"), 3, 34, rule + ".namespaces", "at least one"},
      {domains("{namespace: a, service_account: [x], domain: a}"), 3, 39, rule + ".service_account", "found a list"},
      {domains("{namespace: a, containers: [], domain: a}"), 3, 34, rule + ".containers", "at least one"},
      {domains("{namespace: a, containers: [X], domain: a}"), 3, 35, rule + ".containers[0]", "lower-case"},
      {domains("{user: 1, domain: ''}"), 3, 25, rule + ".domain", "the name of a domain"},
      {domains("{user: 1, domain: a, usr: 2}"), 3, 28, rule + ".usr", "did you mean `user`?"},
      {domains("{user: 1, domain: Finance_Team}"), 3, 25, rule + ".domain",
       "Give this one an entry in identity.objects"},
      {domains("{user: 1, domain: admin}"), 3, 25, rule + ".domain", "the store of the admin scope"},
      {admins("{user: 1, domain: a}"), 3, 7, "identity.admins[0]", "expected no `domain` in a rule of admins"},
      {admins("{namespace_label: a}"), 3, 7, "identity.admins[0]", "a label makes nobody an admin"},
      {admins("{pod_label: a, namespaces: [x]}"), 3, 7, "identity.admins[0]", "a label makes nobody an admin"},
      {admins("{}"), 3, 7, "identity.admins[0]", "found none of them"},
  };
  for (const Case& expected : cases) {
    check_refused(expected);
  }
}

TEST_CASE("no two domains have one object, and none has the admin's", "[trap-121][trap-122]") {
  const auto objects = [](const std::string& map) { return "identity:\n  objects: " + map + "\n"; };
  const std::vector<Case> cases{
      {objects("{finance: fin}"), 2, 22, "identity.objects.finance", "expected no entry for this domain"},
      {objects("{Finance: Fin}"), 2, 22, "identity.objects.Finance", "a DNS-1123 name"},
      {objects("{Finance: admin}"), 2, 22, "identity.objects.Finance", "the store of the admin scope"},
      {objects("{A: x, B: x}"), 2, 22, "identity.objects.B",
       "an object of its own, not that of identity.objects.A; found `x`"},
      {objects("{'': x}"), 2, 17, "identity.objects.", "the name of a domain"},
      {"identity:\n  objects: {Finance: finance}\n  domains:\n    - {user: 1, domain: finance}\n", 4, 25,
       "identity.domains[0].domain", "not that of identity.objects.Finance"},
      {"backends:\n  vault:\n    domains:\n      Finance: []\n", 4, 16, "backends.vault.domains.Finance",
       "Give this one an entry in identity.objects"},
      {"identity:\n  domains:\n    - {user: 1, domain: " + std::string(240, 'a') + "}\n", 3, 25,
       "identity.domains[0].domain", "a shorter name"},
  };
  for (const Case& expected : cases) {
    check_refused(expected);
  }
  CHECK(
      parse_config("identity:\n  objects: {Finance_Team: finance-team, admin: admins}\n  domains:\n"
                   "    - {user: 1, domain: Finance_Team}\n    - {user: 2, domain: Finance_Team}\n"
                   "    - {user: 3, domain: admin}\n    - {user: 4, domain: sales.eu}\n",
                   no_variables));
}

TEST_CASE("an integration with Vault is refused that could leak, or could not work", "[promise-13]") {
  const std::string one = "backends.vault.domains.finance[0]";
  const auto key = [&](const std::string& name, const std::string& value, const std::string& says) {
    const std::string lead = std::string(whole) + ", ";
    const bool again = name == "name" || name == "address" || name == "path" || name == "auth";
    const std::string head = name == "name"      ? "{"
                             : name == "address" ? "{name: a, "
                             : name == "path"    ? "{name: a, address: 'https://a', "
                             : name == "auth"    ? "{name: a, address: 'https://a', path: /v1/x, "
                                                 : lead;
    const std::string tail = again && name != "auth" ? ", auth: {method: token}}" : "}";
    const auto column = static_cast<std::uint32_t>(11 + head.size() + name.size() + 2);
    return Case{vault(head + name + ": " + value + tail), 5, column, one + "." + name, says};
  };
  const auto auth = [&](const std::string& keys, const std::string& says) {
    return Case{vault("{name: a, address: 'https://a', path: /v1/s/data/x, auth: {" + keys + "}}"), 5, 69,
                one + ".auth", says};
  };
  const std::vector<Case> cases{
      key("name", "a/b", "letters, digits, _, - and ."),
      key("name", "..", "letters, digits"),
      key("address", "http://vault", "https://HOST"),
      key("address", "'https://u:p@vault'", "https://HOST"),
      key("path", "secret/data/x", "/v1/secret/data/production"),
      key("path", "/v1/secret/../sys", "dot segments"),
      key("path", "/v1/secret/%2e%2e/sys", "dot segments"),
      key("namespace", "/a", "a Vault namespace"),
      key("layout", "flat", "fields or paths"),
      key("value_field", "\"\"", "the name of a field"),
      key("ca_file", "ca.pem", "the absolute path of a file"),
      key("ca_pem", "'-----BEGIN EC PRIVATE KEY-----'", "found a private key"),
      key("ca_pem", "x", "-----BEGIN CERTIFICATE-----"),
      key("tls_server_name", "a b", "a host's name"),
      key("client_cert", "x", "the absolute path"),
      key("client_key", "x", "the absolute path"),
      key("auth", "token", "a mapping with keys such as `method`"),
      key("use", "everyone", "a list of those"),
      key("use", "[]", "an empty list would let nobody use it"),
      key("poll", "50ms", "0s (never), or a duration from 100ms"),
      {vault(std::string(whole) + ", skip_verify: true}"), 5, 86, one + ".skip_verify",
       "unknown key: this section has name"},
      {vault(std::string(whole) + ", client_cert: /a}"), 5, 11, one, "client_cert and client_key together"},
      {vault(std::string(whole) + ", ca_file: /a, ca_pem: '-----BEGIN CERTIFICATE-----'}"), 5, 11, one,
       "ca_file or ca_pem"},
      {vault("{address: 'https://a', path: /v1/x, auth: {method: token}}"), 5, 11, one, "expected `name`"},
      {vault("{name: a, path: /v1/x, auth: {method: token}}"), 5, 11, one, "expected `address`"},
      {vault("{name: a, address: 'https://a', auth: {method: token}}"), 5, 11, one, "expected `path`"},
      {vault("{name: a, address: 'https://a', path: /v1/x}"), 5, 11, one, "expected `auth`"},
      {vault("main"), 5, 11, one, "expected an integration"},
      {vault(std::string(whole) + "}\n        - " + whole + "}"), 6, 18, "backends.vault.domains.finance[1].name",
       "a name that no other integration of the domain has; found `a`"},
      {"backends:\n  vault:\n    domains:\n      finance: main\n", 4, 16, "backends.vault.domains.finance",
       "a list of integrations"},
      {vault(std::string(whole) + ", use: [{service_account: x}]}"), 5, 92, one + ".use[0]", "expected `namespace`"},
      {vault(std::string(whole) + ", use: [{namespace: X}]}"), 5, 104, one + ".use[0].namespace", "lower-case"},
      {vault(std::string(whole) + ", use: [{namespace: x, service_account: X}]}"), 5, 124,
       one + ".use[0].service_account", "lower-case"},
      auth("mount: x", "expected `method`"),
      {vault("{name: a, address: 'https://a', path: /v1/s/data/x, auth: {method: ldap}}"), 5, 78, one + ".auth.method",
       "token, approle or kubernetes; found `ldap`"},
      {vault("{name: a, address: 'https://a', path: /v1/s/data/x, auth: {method: token, mount: a//b}}"), 5, 92,
       one + ".auth.mount", "where the method is mounted"},
      {vault("{name: a, address: 'https://a', path: /v1/s/data/x, auth: {method: token, token: hvs.x}}"), 5, 85,
       one + ".auth.token", "credentials never stand in this file"},
      auth("method: token, credentials: file", "expected `directory`"),
      auth("method: token, directory: /a", "only beside `credentials: file`"),
      auth("method: token, role: x", "with the method kubernetes only"),
      auth("method: kubernetes, role: x, service_account: a/b", "expected `audience`"),
      auth("method: kubernetes, role: x, audience: b", "expected `service_account`"),
      auth("method: kubernetes, service_account: a/b, audience: b", "expected `role`"),
      auth("method: kubernetes, role: x, service_account: a/b, audience: b, credentials: file, directory: /a",
           "the methods token and approle only"),
  };
  for (const Case& expected : cases) {
    check_refused(expected);
  }
  const std::string kubernetes =
      "path: /v1/s/data/x, auth: {method: kubernetes, role: r, service_account: a/b, audience: c}}";
  check_refused({vault("{name: a, address: 'https://a', " + kubernetes +
                       "\n        - {name: b, address: 'https://b', " + kubernetes),
                 6, 131, "backends.vault.domains.finance[1].auth.audience",
                 "an audience that no other integration has; found `c`"});
}

TEST_CASE("unknown keys are refused, with what was probably meant", "[trap-119]") {
  const std::vector<Case> cases{
      {"cahce:\n  ttl: 1s\n", 1, 1, "cahce", "did you mean `cache`?"},
      {"limits:\n  maxFrame: 1KiB\n", 2, 3, "limits.maxFrame", "did you mean `max_frame`?"},
      {"limits:\n  ttl: 1s\n", 2, 3, "limits.ttl", "it belongs in `cache`"},
      {"ttl: 1s\n", 1, 1, "ttl", "it belongs in `cache`"},
      {"log:\n  colour: true\n", 2, 3, "log.colour", "this section has level or format"},
      {"features:\n  secretsV3: {}\n", 2, 3, "features.secretsV3", "did you mean `secretsV2`?"},
      {"- a\n", 1, 1, "", "a mapping with keys such as `features`; found a list"},
      {"text\n", 1, 1, "", "a mapping"},
      {"log:\n  level: info\n  level: debug\n", 3, 3, "", "duplicate key"},
      {"log: &a {level: info}\n", 1, 7, "", "anchors"},
      {"log: {level: \"${LEVEL}\"}\n", 1, 14, "log.level", "the environment variable LEVEL is not set"},
      {"log: {level: \"a\\u0007b\"}\n", 1, 14, "log.level", "found the text \"a?b\""},
      {"listen: {debug_group: \"a\\0b\"}\n", 1, 23, "listen.debug_group", "the name or number"},
  };
  for (const Case& expected : cases) {
    check_refused(expected);
  }
}

TEST_CASE("a value of the environment is never shown") {
  const auto config = parse_config("log:\n  level: ${SECRET}\n",
                                   [](const std::string&) { return std::optional<std::string>("hunter2"); });
  REQUIRE_FALSE(config);
  CHECK(config.error().front().what.find("hunter2") == std::string::npos);
  CHECK(config.error().front().what.find("${SECRET}") != std::string::npos);
}
