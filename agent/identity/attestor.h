// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "agent/config/config.h"
#include "agent/identity/identity.h"
#include "agent/identity/peer.h"
#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "protocol/error.h"

namespace tantalus {

/// An attestor's word on a peer: these are my facts of it, it is none of mine, or it may be mine and can't be told.
/// Only NotMine goes on to the next attestor (trap 135).
struct NotMine {};
using Verdict = std::variant<IdentityFacts, NotMine, Error>;

/// One way to tell who a peer is. May wait (a pod that the index doesn't hold yet); `cancel` and `peer` outlive the task.
class Attestor {
 public:
  virtual ~Attestor() = default;
  [[nodiscard]] virtual AttestorKind kind() const noexcept = 0;
  [[nodiscard]] virtual Task<Verdict> attest(const Peer& peer, Cancel& cancel) = 0;
};

/// Host users by uid. Refuses whatever may be a container's process or has the overflow uid: those are never a host
/// user's, whatever other attestors are listed.
[[nodiscard]] std::unique_ptr<Attestor> make_user_attestor();

/// Domain names to ids. Never forgets and never reuses an id: an id stands for a name together with its object. Outlives
/// every Identity. Loop thread only.
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
  /// name that fits no object and has no entry in `identity.objects`. The message names the key's path.
  [[nodiscard]] static Result<Rules> compile(const IdentityConfig& config, const std::string& store, DomainTable& table);
  [[nodiscard]] Result<Match> apply(const IdentityFacts& facts) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

/// From a peer to an identity: the attestors in their order, the rules, and the peer asked again afterwards. The only
/// maker of Identity.
class Attestation {
 public:
  Attestation(std::vector<std::unique_ptr<Attestor>> attestors, Rules rules, bool keep_executable);

  /// Fails with `unauthenticated` or `unavailable`. `peer` and `cancel` outlive the task.
  [[nodiscard]] Task<Result<Identity>> attest(const Peer& peer, Cancel& cancel);
  /// New rules, from the next attestation on.
  void set_rules(Rules rules) noexcept { rules_ = std::move(rules); }
  /// What an identity attested earlier would be by the rules in force, with its facts as they were.
  [[nodiscard]] Result<Identity> attribute_anew(const Identity& identity);

 private:
  [[nodiscard]] PrincipalId principal_of(const IdentityFacts& facts);
  std::vector<std::unique_ptr<Attestor>> attestors_;
  Rules rules_;
  bool keep_executable_;
  std::unordered_map<std::string, PrincipalId> principals_;
};

}  // namespace tantalus
