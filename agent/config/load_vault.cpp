// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "agent/config/names.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view path_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./+=@:";

bool is_made_of(std::string_view text, std::string_view letters) {
  return text.find_first_not_of(letters) == std::string_view::npos;
}

bool is_integration_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text != "." && text != ".." &&
         is_made_of(text, path_letters.substr(0, 65));  // Letters, digits, - _ .
}

// No percent signs: an encoded dot would leave the path (trap 83).
bool is_secret_path(std::string_view text) {
  return text.starts_with("/v1/") && is_clean_path(text) && is_made_of(text, path_letters);
}

bool is_vault_namespace(std::string_view text) {
  return text.size() <= 253 && is_clean_path("/" + std::string(text)) && is_made_of(text, path_letters);
}

bool is_field(std::string_view text) {
  return !text.empty() && text.size() <= 253;
}
bool is_file(std::string_view text) {
  return text != "/" && is_clean_path(text);
}
bool is_server_name(std::string_view text) {
  return is_dns_name(text);
}

/// Certificates are read into memory that is not locked, and stand in a file that others may read.
void read_ca_pem(const Value& value, std::string& into) {
  constexpr std::string_view expected = "certificates in PEM form, and nothing secret";
  std::optional<std::string> text = value.scalar(expected);
  if (!text) {
    return;
  }
  if (text->find("PRIVATE KEY") != std::string::npos) {
    value.refuse("expected " + std::string(expected) + "; found a private key. Name its file with client_key");
  } else if (!text->empty() && text->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    value.refuse("expected " + std::string(expected) + "; found no line -----BEGIN CERTIFICATE-----");
  } else {
    into = std::move(*text);
  }
}

constexpr std::array<Choice<VaultLayout>, 2> layouts{{
    {"fields", VaultLayout::fields},
    {"paths", VaultLayout::paths},
}};

constexpr std::string_view glob_words = "a name of lower-case letters, digits, - and ., in which * stands for any text";

constexpr std::array<Key<VaultUseConfig>, 2> use_keys{{
    {"namespace", [](const Value& v, VaultUseConfig& c) { v.read_text(c.namespace_glob, glob_words, is_name_glob); }},
    {"service_account",
     [](const Value& v, VaultUseConfig& c) { v.read_text(c.service_account, glob_words, is_name_glob); }},
}};

void read_use(const Value& value, std::optional<std::vector<VaultUseConfig>>& into) {
  into.emplace();
  const std::vector<Value> items = value.list("those who may use it");
  if (value.node().is_sequence() && items.empty()) {
    value.refuse(
        "expected at least one entry; an empty list would let nobody use it. Without `use`, everyone in the "
        "domain may");
  }
  for (const Value& item : items) {
    VaultUseConfig& use = into->emplace_back();
    const std::size_t before = item.reading().refusals();
    read_section(item, use_keys, use);
    if (item.node().find("namespace") == nullptr && item.reading().refusals() == before) {
      item.refuse("expected `namespace`, the namespaces of those who may use it; it is missing");
    }
  }
}

constexpr std::array<Key<VaultIntegrationConfig>, 14> integration_keys{{
    {"name",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text(c.name, "a name of letters, digits, _, - and .", is_integration_name);
     }},
    {"address",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text(c.address, "https://HOST or https://HOST:PORT (there is no way to do without TLS)",
                   is_https_address);
     }},
    {"path",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text(c.path, "a path such as /v1/secret/data/production, without empty or dot segments", is_secret_path);
     }},
    {"namespace",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text_or_empty(c.namespace_name, "a Vault namespace without a / at its ends", is_vault_namespace);
     }},
    {"layout", [](const Value& v, VaultIntegrationConfig& c) { v.read_choice(c.layout, layouts); }},
    {"value_field",
     [](const Value& v, VaultIntegrationConfig& c) { v.read_text(c.value_field, "the name of a field", is_field); }},
    {"ca_file",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text_or_empty(c.ca_file, "the absolute path of a file", is_file);
     }},
    {"ca_pem", [](const Value& v, VaultIntegrationConfig& c) { read_ca_pem(v, c.ca_pem); }},
    {"tls_server_name",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text_or_empty(c.tls_server_name, "a host's name", is_server_name);
     }},
    {"client_cert",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text_or_empty(c.client_cert, "the absolute path of a file", is_file);
     }},
    {"client_key",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read_text_or_empty(c.client_key, "the absolute path of a file", is_file);
     }},
    {"auth", [](const Value& v, VaultIntegrationConfig& c) { read_vault_auth(v, c.auth); }, list_vault_auth},
    {"use", [](const Value& v, VaultIntegrationConfig& c) { read_use(v, c.use); },
     [](auto& out, const std::string& path) { list_section(out, path + "[]", use_keys); }},
    {"poll",
     [](const Value& v, VaultIntegrationConfig& c) {
       v.read(c.poll, {0ms, 24h});
       if (c.poll > 0ms && c.poll < 100ms) {
         v.refuse_expected("0s (never), or a duration from 100ms");
       }
     }},
}};

void check_integration(const Value& value, const VaultIntegrationConfig& integration) {
  for (const std::string_view required : {"name", "address", "path", "auth"}) {
    if (value.node().find(required) == nullptr) {
      value.refuse("expected `" + std::string(required) + "`; it is missing");
    }
  }
  if (!integration.ca_file.empty() && !integration.ca_pem.empty()) {
    value.refuse("expected ca_file or ca_pem; found both");
  }
  if (integration.client_cert.empty() != integration.client_key.empty()) {
    value.refuse("expected client_cert and client_key together; found one of them");
  }
}

void read_integrations(const Value& value, std::vector<VaultIntegrationConfig>& into) {
  for (const Value& item : value.list("integrations")) {
    if (!item.node().is_mapping()) {
      item.refuse_expected("an integration, a mapping with keys such as `name`");
      continue;
    }
    VaultIntegrationConfig integration;
    const std::size_t before = item.reading().refusals();
    read_section(item, integration_keys, integration);
    if (item.reading().refusals() == before) {
      check_integration(item, integration);
    }
    const bool taken = std::ranges::any_of(into, [&](const auto& other) { return other.name == integration.name; });
    if (taken && !integration.name.empty()) {
      item.reading().refuse_key(item.path() + ".name", "a name that no other integration of the domain has");
    }
    into.push_back(std::move(integration));
  }
}

}  // namespace

void read_vault_domains(const Value& value, VaultConfig& into) {
  for (const auto& [domain, integrations] : value.map("domains to lists of their integrations")) {
    read_integrations(integrations, into.domains[domain]);
  }
}

void list_vault_domains(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path + ".<domain>[]", integration_keys);
}

void check_vault_domains(ConfigReading& reading, const VaultConfig& vault) {
  // One that is shared would let the server of one integration use a token that was made for another.
  std::set<std::string> audiences;
  for (const auto& [domain, integrations] : vault.domains) {
    for (std::size_t i = 0; i < integrations.size(); ++i) {
      const std::string& audience = integrations[i].auth.audience;
      if (!audience.empty() && !audiences.insert(audience).second) {
        reading.refuse_key("backends.vault.domains." + domain + "[" + std::to_string(i) + "].auth.audience",
                           "an audience that no other integration has");
      }
    }
  }
}

}  // namespace tantalus
