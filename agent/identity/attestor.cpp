// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/attestor.h"

#include <algorithm>
#include <utility>

namespace tantalus {

Attestation::Attestation(std::vector<std::unique_ptr<Attestor>> attestors, Rules rules, bool keep_executable)
    : attestors_(std::make_shared<const Attestors>(std::move(attestors))),
      rules_(std::move(rules)),
      keep_executable_(keep_executable) {}

Task<Result<Identity>> Attestation::attest(const Peer& peer, Cancel& cancel) {
  const std::shared_ptr<const Attestors> attestors = attestors_;
  for (const std::unique_ptr<Attestor>& attestor : *attestors) {
    Task<Verdict> asking = attestor->attest(peer, cancel);
    Verdict verdict = co_await asking;
    if (IdentityFacts* facts = std::get_if<IdentityFacts>(&verdict)) {
      co_return identify(std::move(*facts), peer);
    }
    if (Error* refusal = std::get_if<Error>(&verdict)) {
      co_return std::unexpected(std::move(*refusal));
    }
  }
  co_return fail(Code::unauthenticated, "no attestor of this agent knows callers of this kind");
}

Result<Identity> Attestation::identify(IdentityFacts facts, const Peer& peer) {
  if (keep_executable_) {
    facts.executable = peer.executable();
  }
  facts.weak_peer = peer.rung() == PeerRung::weak;
  const PrincipalId principal = principal_of(facts);
  Result<Identity> identity = attribute(std::move(facts), principal);
  // Asked last, so that nothing above can be about a process that took the caller's number (trap 9).
  if (!peer.is_alive()) {
    return fail(Code::unauthenticated, "the process that connected is gone");
  }
  return identity;
}

Result<Identity> Attestation::attribute(IdentityFacts facts, PrincipalId principal) {
  Result<Rules::Match> match = rules_.apply(facts);
  if (!match) {
    return std::unexpected(std::move(match.error()));
  }
  Identity identity;
  identity.facts_ = std::move(facts);
  identity.principal_ = principal;
  identity.domain_ = match->domain;
  identity.admin_ = match->admin;
  identity.rule_ = std::move(match->rule);
  return identity;
}

void Attestation::set_attestors(std::vector<std::unique_ptr<Attestor>> attestors) {
  attestors_ = std::make_shared<const Attestors>(std::move(attestors));
}

Result<Identity> Attestation::attribute_anew(const Identity& identity) {
  const bool is_listed = std::ranges::any_of(*attestors_, [&](const std::unique_ptr<Attestor>& attestor) {
    return attestor->kind() == identity.facts().attested_by;
  });
  if (!is_listed) {
    return fail(Code::unauthenticated, "no attestor of this agent knows callers of this kind");
  }
  return attribute(identity.facts(), identity.principal());
}

PrincipalId Attestation::principal_of(const IdentityFacts& facts) {
  std::string name;
  switch (facts.attested_by) {
    case AttestorKind::pod:
    case AttestorKind::token:  // The same pod, however it was told.
      name = "pod " + facts.pod_uid;
      break;
    case AttestorKind::unit:
      name = "unit " + facts.unit;
      break;
    case AttestorKind::user:
      name = "uid " + std::to_string(facts.uid);
      break;
  }
  const auto next = static_cast<PrincipalId>(principals_.size() + 1);
  return principals_.try_emplace(std::move(name), next).first->second;
}

}  // namespace tantalus
