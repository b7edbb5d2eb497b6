// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <ranges>

#include "agent/config/names.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Choice<AttestorKind>, 4> attestor_kinds{{
    {"pod", AttestorKind::pod},
    {"token", AttestorKind::token},
    {"unit", AttestorKind::unit},
    {"user", AttestorKind::user},
}};

void read_attestors(const Value& value, std::vector<AttestorKind>& into) {
  constexpr std::string_view expected = "attestors (pod, token, unit, user), at least one";
  const std::vector<Value> items = value.list(expected);
  if (value.node().is_sequence() && items.empty()) {
    value.refuse_expected("a list of " + std::string(expected));
    return;
  }
  std::vector<AttestorKind> kinds;
  for (const Value& item : items) {
    AttestorKind kind{};
    const std::size_t before = kinds.size();
    item.read_choice(kind, attestor_kinds);
    if (std::ranges::find(kinds, kind) == kinds.end()) {
      kinds.push_back(kind);
    }
    if (kinds.size() == before) {
      item.refuse_expected("each attestor once");
    }
  }
  into = std::move(kinds);
}

bool is_any(std::string_view text) {
  return !text.empty();
}

bool is_name_of_any_domain(std::string_view text) {
  return !text.empty() && text.size() <= 253;
}

void read_objects(const Value& value, std::map<std::string, std::string>& into) {
  for (const auto& [domain, object] : value.map("domains to the names of their objects")) {
    if (!is_name_of_any_domain(domain)) {
      object.refuse("expected the name of a domain before the colon, of at most 253 bytes");
      continue;
    }
    object.read_text(into[domain], "a DNS-1123 name (lower-case letters, digits, - and .)", is_dns_name);
  }
}

constexpr std::array<Key<IdentityConfig>, 12> identity_keys{{
    {"node_name",
     [](const Value& v, IdentityConfig& c) { v.read_text_or_empty(c.node_name, "the node's name", is_dns_name); }},
    {"attestors",
     [](const Value& v, IdentityConfig& c) {
       read_attestors(v, c.attestors);
       c.attestors_named = true;
     }},
    {"token_audience", [](const Value& v, IdentityConfig& c) { v.read_text(c.token_audience, "an audience", is_any); }},
    {"token_host", [](const Value& v, IdentityConfig& c) { v.read(c.token_host); }},
    {"cgroup_root",
     [](const Value& v, IdentityConfig& c) {
       v.read_text_or_empty(c.cgroup_root, "a path below the cgroup mount that begins with / and has no / at its end",
                            is_clean_path);
     }},
    {"wait", [](const Value& v, IdentityConfig& c) { v.read(c.wait, {0ms, 5min}); }},
    {"host_users", [](const Value& v, IdentityConfig& c) { v.read(c.host_users); }},
    {"refuse_host_pods", [](const Value& v, IdentityConfig& c) { v.read(c.refuse_host_pods); }},
    {"allow_weak_peer", [](const Value& v, IdentityConfig& c) { v.read(c.allow_weak_peer); }},
    {"domains", [](const Value& v, IdentityConfig& c) { read_domain_rules(v, c.domains); }, list_domain_rules},
    {"admins", [](const Value& v, IdentityConfig& c) { read_admin_rules(v, c.admins); }, list_admin_rules},
    {"objects", [](const Value& v, IdentityConfig& c) { read_objects(v, c.objects); },
     [](auto& out, const std::string& path) { out.push_back(path + ".<domain>"); }},
}};

}  // namespace

void read_identity(const Value& value, IdentityConfig& into) {
  read_section(value, identity_keys, into);
}
void list_identity(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, identity_keys);
}

}  // namespace tantalus
