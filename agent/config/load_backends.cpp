// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>

#include "agent/config/names.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

using namespace std::chrono_literals;

// `<store>-<domain>` must stay a name of an object, which has at most 253 bytes.
bool is_store(std::string_view text) {
  return text.size() <= 200 && is_dns_name(text);
}
bool is_file(std::string_view text) {
  return text != "/" && is_clean_path(text);
}

constexpr std::array<Choice<KubernetesFreshness>, 2> freshness_choices{{
    {"watch", KubernetesFreshness::watch},
    {"poll", KubernetesFreshness::poll},
}};

constexpr std::array<Key<KubernetesConfig>, 6> kubernetes_keys{{
    {"enabled", [](const Value& v, KubernetesConfig& c) { v.read(c.enabled); }},
    {"namespace",
     [](const Value& v, KubernetesConfig& c) {
       v.read_text(c.namespace_name, "the name of a namespace (lower-case letters, digits and -)", is_dns_label);
     }},
    {"store",
     [](const Value& v, KubernetesConfig& c) {
       v.read_text(c.store, "a DNS-1123 name of at most 200 bytes (lower-case letters, digits, - and .)", is_store);
     }},
    {"freshness", [](const Value& v, KubernetesConfig& c) { v.read_choice(c.freshness, freshness_choices); }},
    {"poll", [](const Value& v, KubernetesConfig& c) { v.read(c.poll, {100ms, 24h}); }},
    {"kubeconfig",
     [](const Value& v, KubernetesConfig& c) {
       v.read_text_or_empty(c.kubeconfig, "the absolute path of a file", is_file);
     }},
}};

constexpr std::array<Key<VaultConfig>, 6> vault_keys{{
    {"enabled", [](const Value& v, VaultConfig& c) { v.read(c.enabled); }},
    {"timeout", [](const Value& v, VaultConfig& c) { v.read(c.timeout, {100ms, 10min}); }},
    {"concurrency", [](const Value& v, VaultConfig& c) { v.read(c.concurrency, {1, 1024}); }},
    {"discover", [](const Value& v, VaultConfig& c) { v.read(c.discover); }},
    {"token_ttl", [](const Value& v, VaultConfig& c) { v.read(c.token_ttl, {0ms, 24h * 365}); }},
    {"domains", [](const Value& v, VaultConfig& c) { read_vault_domains(v, c); }, list_vault_domains},
}};

constexpr std::array<Key<FileConfig>, 2> file_keys{{
    {"enabled", [](const Value& v, FileConfig& c) { v.read(c.enabled); }},
    {"directory",
     [](const Value& v, FileConfig& c) { v.read_text(c.directory, "the absolute path of a directory", is_file); }},
}};

/// A backend whose section is there was asked for, unless the section turns it off.
template <class T, std::size_t N>
void read_backend(const Value& value, const std::array<Key<T>, N>& keys, T& into) {
  read_section(value, keys, into);
  into.named = into.enabled && value.node().is_mapping() && !value.node().entries.empty();
}

constexpr std::array<Key<BackendsConfig>, 3> backend_keys{{
    {"kubernetes", [](const Value& v, BackendsConfig& c) { read_backend(v, kubernetes_keys, c.kubernetes); },
     [](auto& out, const std::string& path) { list_section(out, path, kubernetes_keys); }},
    {"vault", [](const Value& v, BackendsConfig& c) { read_backend(v, vault_keys, c.vault); },
     [](auto& out, const std::string& path) { list_section(out, path, vault_keys); }},
    {"file", [](const Value& v, BackendsConfig& c) { read_section(v, file_keys, c.file); },
     [](auto& out, const std::string& path) { list_section(out, path, file_keys); }},
}};

}  // namespace

void read_backends(const Value& value, BackendsConfig& into) {
  read_section(value, backend_keys, into);
}
void list_backends(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, backend_keys);
}

}  // namespace tantalus
