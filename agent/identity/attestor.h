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
#include "agent/identity/rules.h"
#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "protocol/error.h"

namespace tantalus {

/// An attestor's word on a peer: these are my facts of it, it is none of mine, or it may be mine and can't be told.
/// Only NotMine goes on to the next attestor (trap 135).
struct NotMine {};
using Verdict = std::variant<IdentityFacts, NotMine, Error>;

/// One way to tell who a peer is. May wait (a pod that the index doesn't hold yet); `cancel` and `peer` outlive the
/// task.
class Attestor {
 public:
  virtual ~Attestor() = default;
  [[nodiscard]] virtual AttestorKind kind() const noexcept = 0;
  [[nodiscard]] virtual Task<Verdict> attest(const Peer& peer, Cancel& cancel) = 0;
};

/// Host users by uid. Refuses whatever may be a container's process or has the overflow uid: those are never a host
/// user's, whatever other attestors are listed.
[[nodiscard]] std::unique_ptr<Attestor> make_user_attestor();

/// From a peer to an identity: the attestors in their order, the rules, and the peer asked again afterwards. The only
/// maker of Identity.
class Attestation {
 public:
  Attestation(std::vector<std::unique_ptr<Attestor>> attestors, Rules rules, bool keep_executable);

  /// Fails with `unauthenticated` or `unavailable`. `peer` and `cancel` outlive the task.
  [[nodiscard]] Task<Result<Identity>> attest(const Peer& peer, Cancel& cancel);
  /// Whether the executable's name is asked for, which costs each attestation a call.
  void set_keep_executable(bool keep) noexcept { keep_executable_ = keep; }
  /// New rules, from the next attestation on.
  void set_rules(Rules rules) noexcept { rules_ = std::move(rules); }
  /// New attestors, from the next attestation on: those under way end with the old ones.
  void set_attestors(std::vector<std::unique_ptr<Attestor>> attestors);
  /// What an identity attested earlier would be by the attestors and rules in force, with its facts as they were.
  [[nodiscard]] Result<Identity> attribute_anew(const Identity& identity);

 private:
  using Attestors = std::vector<std::unique_ptr<Attestor>>;
  [[nodiscard]] Result<Identity> identify(IdentityFacts facts, const Peer& peer);
  [[nodiscard]] Result<Identity> attribute(IdentityFacts facts, PrincipalId principal);
  [[nodiscard]] PrincipalId principal_of(const IdentityFacts& facts);
  std::shared_ptr<const Attestors> attestors_;  // Shared with the tasks that are asking them.
  Rules rules_;
  bool keep_executable_;
  std::unordered_map<std::string, PrincipalId> principals_;  // One entry a uid, unit or pod that ever came.
};

}  // namespace tantalus
