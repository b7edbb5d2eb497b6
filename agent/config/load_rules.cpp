// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <utility>

#include "agent/config/names.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

constexpr std::string_view glob_words = "a name of lower-case letters, digits, - and ., in which * stands for any text";

bool is_any(std::string_view text) {
  return !text.empty() && text.size() <= 253;
}

void read_globs(const Value& value, std::vector<std::string>& into) {
  const std::vector<Value> items = value.list("names, at least one");
  if (value.node().is_sequence() && items.empty()) {
    value.refuse_expected("a list of names, at least one");
  }
  for (const Value& item : items) {
    item.read_text(into.emplace_back(), glob_words, is_name_glob);
  }
}

constexpr std::array<Key<RuleConfig>, 9> rule_keys{{
    {"pod_label", [](const Value& v, RuleConfig& c) { v.read_text(c.pod_label, "a label's key", is_label_key); }},
    {"namespace_label",
     [](const Value& v, RuleConfig& c) { v.read_text(c.namespace_label, "a label's key", is_label_key); }},
    {"namespace", [](const Value& v, RuleConfig& c) { v.read_text(c.namespace_glob, glob_words, is_name_glob); }},
    {"unit",
     [](const Value& v, RuleConfig& c) {
       v.read_text(c.unit, "a system unit whose name ends in .service or .scope", is_unit_name);
     }},
    {"user", [](const Value& v, RuleConfig& c) { v.read_text(c.user, "a uid or the name of a user", is_account); }},
    {"namespaces", [](const Value& v, RuleConfig& c) { read_globs(v, c.namespaces); }},
    {"service_account",
     [](const Value& v, RuleConfig& c) { v.read_text(c.service_account, glob_words, is_name_glob); }},
    {"containers", [](const Value& v, RuleConfig& c) { read_globs(v, c.containers); }},
    {"domain", [](const Value& v, RuleConfig& c) { v.read_text(c.domain, "the name of a domain", is_any); }},
}};

void list_rules(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path + "[]", rule_keys);
}

/// The selectors of a rule that are there, by name.
std::vector<std::string_view> selectors_of(const RuleConfig& rule) {
  std::vector<std::string_view> names;
  for (const auto& [name, selector] :
       {std::pair<std::string_view, const std::optional<std::string>*>("pod_label", &rule.pod_label),
        {"namespace_label", &rule.namespace_label},
        {"namespace", &rule.namespace_glob},
        {"unit", &rule.unit},
        {"user", &rule.user}}) {
    if (selector->has_value()) {
      names.push_back(name);
    }
  }
  return names;
}

/// What is wrong between a rule's keys; empty: nothing.
std::string problem_of(const RuleConfig& rule) {
  const std::vector<std::string_view> selectors = selectors_of(rule);
  if (selectors.size() > 1) {
    return "expected one of pod_label, namespace_label, namespace, unit or user; found both `" +
           std::string(selectors[0]) + "` and `" + std::string(selectors[1]) + "`. Write two rules";
  }
  if (selectors.empty()) {
    return "expected one of pod_label, namespace_label, namespace, unit or user; found none of them";
  }
  if ((rule.unit || rule.user) && (!rule.namespaces.empty() || rule.service_account || !rule.containers.empty())) {
    return "expected namespaces, service_account and containers only in a rule for pods; found one beside `" +
           std::string(selectors[0]) + "`";
  }
  if (rule.pod_label && rule.namespaces.empty()) {
    return "expected `namespaces` beside `pod_label`: a label is the claim of whoever made the pod, and counts only in "
           "namespaces where an admission policy vouches for it";
  }
  if (rule.namespace_glob && !rule.namespaces.empty()) {
    return "expected `namespace` or `namespaces`; found both";
  }
  if (rule.service_account && !rule.namespace_glob && rule.namespaces.empty()) {
    return "expected `namespace` or `namespaces` beside `service_account`, which is a name inside a namespace";
  }
  return {};
}

/// Calls `check` for each rule that is a mapping; what it says is refused at the rule.
void read_rules(const Value& value, std::vector<RuleConfig>& into, std::string (*check)(const RuleConfig&)) {
  for (const Value& item : value.list("rules")) {
    RuleConfig rule;
    if (!item.node().is_mapping()) {
      item.refuse_expected("a rule, a mapping with keys such as `namespace`");
      continue;
    }
    const std::size_t before = item.reading().refusals();
    read_section(item, rule_keys, rule);
    std::string problem = problem_of(rule);
    if (problem.empty()) {
      problem = check(rule);
    }
    if (!problem.empty() && item.reading().refusals() == before) {
      item.refuse(std::move(problem));
    }
    into.push_back(std::move(rule));
  }
}

std::string domain_rule_problem(const RuleConfig& rule) {
  const bool label_gives_it = rule.pod_label || rule.namespace_label;
  if (label_gives_it && rule.domain) {
    return "expected no `domain` beside a label, whose value is the domain";
  }
  if (!label_gives_it && !rule.domain) {
    return "expected `domain`, the domain of those whom the rule matches; it is missing";
  }
  return {};
}

std::string admin_rule_problem(const RuleConfig& rule) {
  if (rule.domain) {
    return "expected no `domain` in a rule of admins: give them one with a rule of identity.domains";
  }
  if (rule.pod_label || rule.namespace_label) {
    return "expected `namespace`, `unit` or `user` in a rule of admins: a label makes nobody an admin";
  }
  return {};
}

}  // namespace

void read_domain_rules(const Value& value, std::vector<RuleConfig>& into) {
  read_rules(value, into, domain_rule_problem);
}
void list_domain_rules(std::vector<std::string>& out, const std::string& path) {
  list_rules(out, path);
}

void read_admin_rules(const Value& value, std::vector<RuleConfig>& into) {
  read_rules(value, into, admin_rule_problem);
}
// The rest of a rule's keys are read there too, so that their refusal can say why.
void list_admin_rules(std::vector<std::string>& out, const std::string& path) {
  for (const char* key : {"namespace", "unit", "user", "service_account", "containers"}) {
    out.push_back(path + "[]." + key);
  }
}

}  // namespace tantalus
