// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/rules.h"

#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "agent/identity/domain_names.h"
#include "agent/identity/glob.h"

namespace tantalus {
namespace {

std::unexpected<Error> refused(const std::string& place, const std::string& why) {
  return fail(Code::misconfigured, place + ": " + why);
}

/// A number is a uid, whether or not an account has it; anything else is the name of an account (getpwnam_r(3)).
Result<uid_t> uid_of(const std::string& user, const std::string& place) {
  constexpr uid_t no_uid = static_cast<uid_t>(-1);  // chown(2) and setresuid(2) take it for "no change".
  const bool is_number = !user.empty() && std::ranges::all_of(user, [](char c) { return c >= '0' && c <= '9'; });
  if (is_number) {
    uid_t uid = 0;
    const auto [end, problem] = std::from_chars(user.data(), user.data() + user.size(), uid);
    if (problem != std::errc() || uid == no_uid) {
      return refused(place, user + " is no uid: the largest is 4294967294");
    }
    return uid;
  }
  constexpr std::size_t largest_entry = std::size_t{1} << 20;
  std::string buffer(1024, '\0');
  passwd entry{};
  passwd* found = nullptr;
  int problem = ERANGE;
  while (problem == ERANGE && buffer.size() <= largest_entry) {
    problem = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (problem == ERANGE) {
      buffer.resize(buffer.size() * 4);
    }
  }
  if (found == nullptr) {
    return refused(place, "no user of this host is called \"" + user + "\"; a uid may stand here instead");
  }
  return entry.pw_uid;
}

enum class Selector : std::uint8_t { pod_label, namespace_label, namespace_glob, unit, user };

bool is_of_pods(Selector selector) noexcept {
  return selector == Selector::pod_label || selector == Selector::namespace_label ||
         selector == Selector::namespace_glob;
}

struct Rule {
  std::string place;
  Selector selector = Selector::user;
  std::string pattern;  ///< Of namespace_glob and unit; a label's key.
  uid_t uid = 0;
  std::vector<std::string> namespaces;
  std::optional<std::string> service_account;
  std::vector<std::string> containers;
  const Domain* domain = nullptr;  ///< Null: the label's value says it, or it is an admin's rule.
};

bool fits_any(const std::vector<std::string>& patterns, std::string_view text) noexcept {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return matches_glob(pattern, text); });
}

bool matches(const Rule& rule, const IdentityFacts& facts) noexcept {
  switch (rule.selector) {
    case Selector::user:
      return facts.attested_by == AttestorKind::user && facts.uid == rule.uid;
    case Selector::unit:
      return facts.attested_by == AttestorKind::unit && facts.unit == rule.pattern;
    case Selector::pod_label:
    case Selector::namespace_label:
      return false;  // No attestor's facts carry labels, so no caller has one.
    case Selector::namespace_glob:
      break;
  }
  const bool is_pod = facts.attested_by == AttestorKind::pod || facts.attested_by == AttestorKind::token;
  return is_pod && matches_glob(rule.pattern, facts.namespace_name) &&
         (rule.namespaces.empty() || fits_any(rule.namespaces, facts.namespace_name)) &&
         (!rule.service_account || matches_glob(*rule.service_account, facts.service_account)) &&
         (rule.containers.empty() || fits_any(rule.containers, facts.container));
}

/// The one selector of a rule.
Result<Selector> selector_of(const RuleConfig& config, const std::string& place) {
  std::optional<Selector> found;
  int count = 0;
  const auto note = [&](bool is_set, Selector selector) {
    if (is_set) {
      found = selector;
      ++count;
    }
  };
  note(config.pod_label.has_value(), Selector::pod_label);
  note(config.namespace_label.has_value(), Selector::namespace_label);
  note(config.namespace_glob.has_value(), Selector::namespace_glob);
  note(config.unit.has_value(), Selector::unit);
  note(config.user.has_value(), Selector::user);
  if (count != 1) {
    return refused(place, "needs exactly one of pod_label, namespace_label, namespace, unit and user");
  }
  return *found;
}

/// Everything of a rule but its domain.
Result<Rule> compile_rule(const RuleConfig& config, std::string place) {
  const Result<Selector> selector = selector_of(config, place);
  if (!selector) {
    return std::unexpected(selector.error());
  }
  const bool narrows = !config.namespaces.empty() || config.service_account || !config.containers.empty();
  if (narrows && !is_of_pods(*selector)) {
    return refused(place, "namespaces, service_account and containers narrow rules of pods alone");
  }
  if (*selector == Selector::pod_label && config.namespaces.empty()) {
    return refused(place + ".namespaces",
                   "is missing: a pod's label is a claim of whoever made the pod, so it counts "
                   "only in namespaces whose pods an admission policy vouches for");
  }
  Rule rule;
  rule.selector = *selector;
  rule.namespaces = config.namespaces;
  rule.service_account = config.service_account;
  rule.containers = config.containers;
  if (*selector == Selector::user) {
    const Result<uid_t> uid = uid_of(*config.user, place + ".user");
    if (!uid) {
      return std::unexpected(uid.error());
    }
    rule.uid = *uid;
  } else {
    const std::optional<std::string>& pattern = *selector == Selector::pod_label         ? config.pod_label
                                                : *selector == Selector::namespace_label ? config.namespace_label
                                                : *selector == Selector::namespace_glob  ? config.namespace_glob
                                                                                         : config.unit;
    rule.pattern = pattern.value_or("");
    if (rule.pattern.empty()) {
      return refused(place, "its selector is empty");
    }
  }
  rule.place = std::move(place);
  return rule;
}

}  // namespace

const Domain& DomainTable::intern(std::string_view name, std::string_view object) {
  for (const std::unique_ptr<Domain>& domain : domains_) {
    if (domain->name == name && domain->object == object) {
      return *domain;
    }
  }
  const auto id = static_cast<DomainId>(static_cast<std::uint32_t>(DomainId::first) + domains_.size());
  domains_.push_back(std::make_unique<Domain>(Domain{id, std::string(name), std::string(object)}));
  return *domains_.back();
}

const Domain* DomainTable::find(DomainId id) const noexcept {
  if (id < DomainId::first) {
    return nullptr;
  }
  const std::size_t at = static_cast<std::uint32_t>(id) - static_cast<std::uint32_t>(DomainId::first);
  return at < domains_.size() ? domains_[at].get() : nullptr;
}

struct Rules::Compiled {
  DomainNames names;
  std::vector<Rule> domains;
  std::vector<Rule> admins;
  bool users_hold = true;
  bool weak_admins_hold = false;

  [[nodiscard]] const Rule* first(const std::vector<Rule>& rules, const IdentityFacts& facts) const noexcept {
    const auto found = std::ranges::find_if(rules, [&](const Rule& rule) {
      return (users_hold || rule.selector != Selector::user) && matches(rule, facts);
    });
    return found == rules.end() ? nullptr : &*found;
  }
};

Rules::Rules(std::shared_ptr<const Compiled> compiled) noexcept : compiled_(std::move(compiled)) {}

Result<Rules> Rules::compile(const IdentityConfig& config, const std::string& store, DomainTable& table, bool pods_on) {
  Result<DomainNames> names = DomainNames::make(config.objects, store);
  if (!names) {
    return std::unexpected(std::move(names.error()));
  }
  Compiled compiled{std::move(*names), {}, {}, !pods_on || config.host_users, config.allow_weak_peer};
  for (std::size_t i = 0; i < config.domains.size(); ++i) {
    const RuleConfig& from = config.domains[i];
    Result<Rule> rule = compile_rule(from, "identity.domains[" + std::to_string(i) + "]");
    if (!rule) {
      return std::unexpected(std::move(rule.error()));
    }
    const bool label_says = rule->selector == Selector::pod_label || rule->selector == Selector::namespace_label;
    if (label_says == from.domain.has_value()) {
      return refused(rule->place + ".domain", label_says ? "has no place here: the label's value is the domain"
                                                         : "is missing: which domain do these callers have?");
    }
    if (from.domain) {
      const Result<std::string_view> object = compiled.names.object_of(*from.domain);
      if (!object) {
        return refused(rule->place + ".domain", object.error().message);
      }
      rule->domain = &table.intern(*from.domain, *object);
    }
    compiled.domains.push_back(std::move(*rule));
  }
  for (std::size_t i = 0; i < config.admins.size(); ++i) {
    const RuleConfig& from = config.admins[i];
    Result<Rule> rule = compile_rule(from, "identity.admins[" + std::to_string(i) + "]");
    if (!rule) {
      return std::unexpected(std::move(rule.error()));
    }
    if (from.domain || rule->selector == Selector::pod_label || rule->selector == Selector::namespace_label) {
      return refused(rule->place, "an admin's rule has no domain, and no label makes an admin");
    }
    compiled.admins.push_back(std::move(*rule));
  }
  return Rules(std::make_shared<const Compiled>(std::move(compiled)));
}

Result<Rules::Match> Rules::apply(const IdentityFacts& facts) const {
  Match match;
  if (const Rule* rule = compiled_->first(compiled_->domains, facts)) {
    match.domain = rule->domain;
    match.rule = rule->place;
  }
  if (const Rule* rule = compiled_->first(compiled_->admins, facts)) {
    match.admin = compiled_->weak_admins_hold || !facts.weak_peer;
    if (match.admin && match.rule.empty()) {
      match.rule = rule->place;
    }
  }
  return match;
}

}  // namespace tantalus
