// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/identity/attestor.h"
#include "agent/identity/rules.h"
#include "agent/policy/policy.h"

namespace tantalus::test {

/// Callers as the agent would have them: this very process, attested by the real attestor under rules that make it of
/// one domain after the other. What lies above the policy gets its grants in no other way.
class AttestedCallers {
 public:
  explicit AttestedCallers(const std::vector<std::string>& domains) {
    for (const std::string& domain : domains) {
      identities_.push_back(attest(domain));
    }
  }

  [[nodiscard]] const Identity& of(std::size_t number) const { return identities_.at(number); }
  [[nodiscard]] std::size_t size() const noexcept { return identities_.size(); }
  [[nodiscard]] StoredGrant grant(std::size_t number, const Reference& reference) const {
    const Result<Grant> grant = policy_.authorize(&of(number), reference);
    if (!grant.has_value()) {
      throw std::runtime_error(grant.error().message);
    }
    return StoredGrant(*grant);
  }

 private:
  Identity attest(const std::string& domain) {
    IdentityConfig config;
    config.attestors = {AttestorKind::user};
    RuleConfig rule;
    rule.user = std::to_string(::getuid());
    rule.domain = domain;
    config.domains.push_back(rule);
    Result<Rules> rules = Rules::compile(config, "store", domains_, false);
    int pair[2] = {-1, -1};
    if (!rules.has_value() || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      throw std::runtime_error("no caller can be made");
    }
    const UniqueFd near(pair[0]);
    const UniqueFd far(pair[1]);
    const Result<Peer> peer = Peer::take(near.get());
    if (!peer.has_value()) {
      throw std::runtime_error(peer.error().message);
    }
    std::vector<std::unique_ptr<Attestor>> attestors;
    attestors.push_back(make_user_attestor());
    Attestation attestation(std::move(attestors), std::move(*rules), false);
    Cancel never;
    Task<Result<Identity>> task = attestation.attest(*peer, never);
    task.start();
    Result<Identity> identity = task.take();
    if (!identity.has_value()) {
      throw std::runtime_error(identity.error().message);
    }
    return std::move(*identity);
  }

  DomainTable domains_;
  std::deque<Identity> identities_;
  Policy policy_{{.default_source = Source::file, .kubernetes = true, .file = true, .vault = false}};
};

}  // namespace tantalus::test
