// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>

#include "agent/config/names.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

bool is_directory(std::string_view text) {
  return text != "/" && is_clean_path(text);
}
bool is_any(std::string_view text) {
  return !text.empty() && text.size() <= 253;
}

bool is_mount(std::string_view text) {
  return is_any(text) && is_clean_path("/" + std::string(text)) && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.' || c == '/';
         });
}

bool is_namespaced_name(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_dns_label(text.substr(0, slash)) && is_dns_name(text.substr(slash + 1));
}

constexpr std::array<Choice<VaultAuthMethod>, 3> methods{{
    {"token", VaultAuthMethod::token},
    {"approle", VaultAuthMethod::approle},
    {"kubernetes", VaultAuthMethod::kubernetes},
}};

constexpr std::array<Choice<VaultCredentials>, 2> credential_places{{
    {"kubernetes", VaultCredentials::kubernetes},
    {"file", VaultCredentials::file},
}};

constexpr std::array<Key<VaultAuthConfig>, 7> auth_keys{{
    {"method", [](const Value& v, VaultAuthConfig& c) { v.read_choice(c.method, methods); }},
    {"mount",
     [](const Value& v, VaultAuthConfig& c) {
       v.read_text_or_empty(c.mount, "where the method is mounted, without a / at its ends", is_mount);
     }},
    {"credentials", [](const Value& v, VaultAuthConfig& c) { v.read_choice(c.credentials, credential_places); }},
    {"directory",
     [](const Value& v, VaultAuthConfig& c) {
       v.read_text_or_empty(c.directory, "the absolute path of a directory", is_directory);
     }},
    {"role",
     [](const Value& v, VaultAuthConfig& c) { v.read_text_or_empty(c.role, "the name of a Vault role", is_any); }},
    {"service_account",
     [](const Value& v, VaultAuthConfig& c) {
       v.read_text_or_empty(c.service_account, "an account as NAMESPACE/NAME", is_namespaced_name);
     }},
    {"audience", [](const Value& v, VaultAuthConfig& c) { v.read_text_or_empty(c.audience, "an audience", is_any); }},
}};

void check_kubernetes(const Value& value, const VaultAuthConfig& auth) {
  if (auth.credentials == VaultCredentials::file) {
    value.refuse(
        "expected `credentials: file` with the methods token and approle only: kubernetes logs in with a token "
        "that is made for `service_account`");
  }
  for (const auto& [name, text] : {std::pair<std::string_view, const std::string*>("role", &auth.role),
                                   {"service_account", &auth.service_account},
                                   {"audience", &auth.audience}}) {
    const yaml::Node* node = value.node().find(name);
    if (node == nullptr || (node->is_scalar() && node->text.empty() && text->empty())) {
      value.refuse("expected `" + std::string(name) + "` with the method kubernetes; it is missing");
    }
  }
}

void check_auth(const Value& value, const VaultAuthConfig& auth) {
  if (value.node().find("method") == nullptr) {
    value.refuse("expected `method`, one of token, approle or kubernetes; it is missing");
    return;
  }
  if (auth.method == VaultAuthMethod::kubernetes) {
    check_kubernetes(value, auth);
  } else if (!auth.role.empty() || !auth.service_account.empty() || !auth.audience.empty()) {
    value.refuse("expected role, service_account and audience with the method kubernetes only");
  }
  if (auth.credentials == VaultCredentials::file && auth.directory.empty()) {
    value.refuse("expected `directory`, where the credentials' files are, beside `credentials: file`; it is missing");
  }
  if (auth.credentials != VaultCredentials::file && !auth.directory.empty()) {
    value.refuse("expected `directory` only beside `credentials: file`");
  }
}

}  // namespace

void read_vault_auth(const Value& value, VaultAuthConfig& into) {
  if (!value.node().is_mapping()) {
    value.refuse_expected("a mapping with keys such as `method`");
    return;
  }
  const std::size_t before = value.reading().refusals();
  read_section(value, auth_keys, into);
  if (value.reading().refusals() == before) {
    check_auth(value, into);
  }
}

void list_vault_auth(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, auth_keys);
}

}  // namespace tantalus
