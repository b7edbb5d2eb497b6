// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/domain_names.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace tantalus {
namespace {

constexpr std::size_t max_object_name = 253;       // RFC 1123 names as Kubernetes bounds them (IsDNS1123Subdomain).
constexpr std::string_view admin_store = "admin";  // `<store>-admin` is the admin scope's (trap 121).

bool is_lower_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// A DNS-1123 subdomain: labels of lower-case letters, digits and inner dashes, between dots.
bool is_dns_1123(std::string_view name) noexcept {
  while (true) {
    const std::string_view label = name.substr(0, std::min(name.find('.'), name.size()));
    const bool is_label = !label.empty() && is_lower_or_digit(label.front()) && is_lower_or_digit(label.back()) &&
                          std::ranges::all_of(label, [](char c) { return is_lower_or_digit(c) || c == '-'; });
    if (!is_label) {
      return false;
    }
    if (label.size() == name.size()) {
      return true;
    }
    name.remove_prefix(label.size() + 1);
  }
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

}  // namespace

bool DomainNames::fits(std::string_view object) const noexcept {
  return is_dns_1123(object) && store_.size() + 1 + object.size() <= max_object_name;
}

Result<DomainNames> DomainNames::make(std::map<std::string, std::string> objects, std::string store) {
  DomainNames names;
  names.store_ = std::move(store);
  for (auto& [name, object] : objects) {
    const auto refused = [&](const std::string& why) {
      // The analyzer does not follow a captured binding. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage)
      return fail(Code::misconfigured, "identity.objects." + name + ": " + why);
    };
    if (name.empty()) {
      return refused("a domain's name can't be empty");
    }
    if (names.fits(name) && name != admin_store) {
      return refused("this name is an object name as it stands; only a name that is not has an entry here");
    }
    if (!names.fits(object)) {
      return refused(quoted(names.store_ + "-" + object) +
                     " is no object name: lower-case letters, digits, - and . are, up to 253 in all");
    }
    if (object == admin_store) {
      return refused(quoted(names.store_ + "-" + object) + " is the admin store, which no domain may own");
    }
    const auto [other, is_new] = names.names_by_object_.try_emplace(object, name);
    if (!is_new) {
      return refused("the domain " + quoted(other->second) + " has the object " + quoted(object) + " already");
    }
  }
  for (auto& [name, object] : objects) {
    names.objects_.emplace(name, std::move(object));
  }
  return names;
}

Result<std::string_view> DomainNames::object_of(std::string_view name) const {
  const auto refused = [&](const std::string& why) {
    return fail(Code::misconfigured, quoted(name) + " is no domain: " + why);
  };
  if (const auto owner = names_by_object_.find(name); owner != names_by_object_.end()) {
    return refused("it is the object of the domain " + quoted(owner->second) + " (identity.objects)");
  }
  if (const auto entry = objects_.find(name); entry != objects_.end()) {
    return std::string_view(entry->second);
  }
  if (name == admin_store) {
    return refused("its object would be the admin store " + quoted(store_ + "-admin"));
  }
  if (!fits(name)) {
    return refused("it can't stand in an object name as it is, and identity.objects has no entry for it");
  }
  return name;
}

}  // namespace tantalus
