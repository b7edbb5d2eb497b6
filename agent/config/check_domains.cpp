// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>

#include "agent/config/names.h"
#include "agent/config/schema.h"

namespace tantalus {
namespace {

// The longest of what stands before a domain in the names of its objects (docs/configuration.md, "Vault").
constexpr std::string_view longest_prefix = "iomete-vault-integrations-";
constexpr std::string_view admin_store = "admin";  // `<store>-admin` (trap 121).
constexpr std::size_t max_object_name = 253;

class DomainCheck {
 public:
  DomainCheck(ConfigReading& reading, const Config& config) : reading_(reading), config_(config) {}

  void map_entry(const std::string& domain, const std::string& object) {
    const std::string key = "identity.objects." + domain;
    // A domain called admin has no object as it stands, since that is the admin store.
    if (is_dns_name(domain) && fits(domain) && domain != admin_store) {
      reading_.refuse_key(key, "no entry for this domain, whose name can be an object's as it stands");
      return;
    }
    if (config_.identity.objects.contains(object)) {
      reading_.refuse_key(key, "an object that is no domain, as this one is");
      return;
    }
    own(key, domain, object);
  }

  void domain(const std::string& key, const std::string& name) {
    if (const auto mapped = config_.identity.objects.find(name); mapped != config_.identity.objects.end()) {
      return;  // Its entry was looked at.
    }
    if (!is_dns_name(name)) {
      reading_.refuse_key(key, "a domain whose name can be an object's (lower-case letters, digits, - and .)",
                          "Give this one an entry in identity.objects");
      return;
    }
    own(key, name, name);
  }

 private:
  [[nodiscard]] bool fits(std::string_view object) const {
    return std::max(longest_prefix.size(), config_.backends.kubernetes.store.size() + 1) + object.size() <=
           max_object_name;
  }

  /// Notes that the object belongs to the domain, and refuses one that can't.
  void own(const std::string& key, const std::string& domain, const std::string& object) {
    if (object == admin_store) {
      reading_.refuse_key(key, "another object than `admin`, which is the store of the admin scope",
                          "Give the domain another one in identity.objects");
      return;
    }
    if (!fits(object)) {
      reading_.refuse_key(key, "a shorter name: with " + config_.backends.kubernetes.store +
                                   "- before it an object's name has at most 253 bytes");
      return;
    }
    const auto [owner, is_new] = owners_.emplace(object, Owner{domain, key});
    if (!is_new && owner->second.domain != domain) {
      reading_.refuse_key(key, "a domain with an object of its own, not that of " + owner->second.key);
    }
  }

  ConfigReading& reading_;
  const Config& config_;
  struct Owner {
    std::string domain;
    std::string key;
  };
  std::map<std::string, Owner> owners_;  // By object.
};

}  // namespace

void check_domains(ConfigReading& reading, const Config& config) {
  DomainCheck check(reading, config);
  for (const auto& [domain, object] : config.identity.objects) {
    check.map_entry(domain, object);
  }
  for (std::size_t i = 0; i < config.identity.domains.size(); ++i) {
    if (const auto& domain = config.identity.domains[i].domain) {
      check.domain("identity.domains[" + std::to_string(i) + "].domain", *domain);
    }
  }
  for (const auto& [domain, integrations] : config.backends.vault.domains) {
    check.domain("backends.vault.domains." + domain, domain);
  }
}

}  // namespace tantalus
