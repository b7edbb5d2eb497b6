// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/identity/identity.h"
#include "protocol/error.h"

namespace tantalus {

/// Domain names to ids. Never forgets and never reuses an id: an id stands for a name together with its object.
/// Outlives every Identity. Loop thread only. As large as the number of valid domains that rules and labels ever gave.
class DomainTable {
 public:
  [[nodiscard]] const Domain& intern(std::string_view name, std::string_view object);
  /// The domain last interned under this id's number; null for `none`, `global`, `admin` and unknown ones.
  [[nodiscard]] const Domain* find(DomainId id) const noexcept;

 private:
  std::vector<std::unique_ptr<Domain>> domains_;
};

/// The rules of one configuration (`identity`), compiled: facts to domain and admin right. First match decides; a match
/// whose domain is no valid domain ends in refusal. A rule matches only identities of its own kind.
class Rules {
 public:
  struct Match {
    const Domain* domain = nullptr;
    bool admin = false;
    std::string rule;
  };
  /// Refuses what can't be: two domains with one object, a domain whose object is the global or the admin store, a
  /// name that fits no object and has no entry in `identity.objects`, a user name that nobody has. The message names
  /// the key's path. `pods_on`: the `pod` attestor is at work, so `user` rules hold only with `identity.host_users`.
  /// `table` outlives the rules.
  [[nodiscard]] static Result<Rules> compile(const IdentityConfig& config, const std::string& store, DomainTable& table,
                                             bool pods_on);
  /// Fails with `unauthenticated` where the rule that matches gives no valid domain. The message names no domain.
  [[nodiscard]] Result<Match> apply(const IdentityFacts& facts) const;

 private:
  struct Compiled;
  explicit Rules(std::shared_ptr<const Compiled> compiled) noexcept;
  std::shared_ptr<const Compiled> compiled_;  // Shared: copies of one configuration's rules are the same rules.
};

}  // namespace tantalus
