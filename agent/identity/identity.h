// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config/config.h"
#include "cache/grant.h"

namespace tantalus {

/// Whom limits and audit budgets are counted by: one number per pod, unit or uid, never reused in a process. Whoever
/// keeps something by it forgets what is idle: there can be as many as uids, units and (over time) pods.
/// `unattested` is shared by all who could not be attested (trap 38).
enum class PrincipalId : std::uint32_t { unattested = 0 };

/// What was attested of a caller: all of what its kind has, nothing of another's.
struct IdentityFacts {
  AttestorKind attested_by = AttestorKind::user;
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  bool weak_peer = false;  ///< Its process was held on to by PeerRung::weak.
  std::string unit;        ///< `unit`.
  std::string pod;         ///< `pod`, `token`, as the five below.
  std::string namespace_name;
  std::string service_account;
  std::string pod_uid;
  std::string container;
  std::string executable;  ///< A claim; for the audit line alone.
};

[[nodiscard]] std::string_view to_text(AttestorKind kind) noexcept;

/// A domain as the rules made it: its name and its store object's suffix. Lives as long as the process.
struct Domain {
  DomainId id;
  std::string name;
  std::string object;
};

/// Who is calling, whole (promise 2). Only Attestation makes one, of a Peer that was alive afterwards; nothing in it
/// comes from the request. Move-only, immutable.
class Identity {
 public:
  Identity(Identity&&) noexcept = default;
  Identity& operator=(Identity&&) noexcept = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  [[nodiscard]] const IdentityFacts& facts() const noexcept { return facts_; }
  [[nodiscard]] PrincipalId principal() const noexcept { return principal_; }
  [[nodiscard]] const Domain* domain() const noexcept { return domain_; }  ///< Null: attested, but of no domain.
  [[nodiscard]] bool is_admin() const noexcept { return admin_; }
  [[nodiscard]] std::string_view rule() const noexcept { return rule_; }  ///< Such as `identity.domains[2]`.

 private:
  friend class Attestation;
  Identity() = default;
  IdentityFacts facts_;
  PrincipalId principal_ = PrincipalId::unattested;
  const Domain* domain_ = nullptr;
  bool admin_ = false;
  std::string rule_;
};

}  // namespace tantalus
