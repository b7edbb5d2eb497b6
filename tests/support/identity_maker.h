// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/identity/attestor.h"
#include "protocol/error.h"

namespace tantalus::test {

/// Both ends of a socket pair, whose peer is the test itself.
class SocketPair {
 public:
  SocketPair() {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "no socket pair");
    ours = UniqueFd(ends[0]);
    theirs = UniqueFd(ends[1]);
  }
  UniqueFd ours, theirs;
};

/// An attestor that says of every peer what the test wants.
class ScriptedAttestor final : public Attestor {
 public:
  explicit ScriptedAttestor(AttestorKind kind, Verdict verdict) : kind_(kind), verdict_(std::move(verdict)) {}
  [[nodiscard]] AttestorKind kind() const noexcept override { return kind_; }
  [[nodiscard]] Task<Verdict> attest(const Peer& /*peer*/, Cancel& /*cancel*/) override {
    ++asked;
    co_return verdict_;
  }
  int asked = 0;

 private:
  AttestorKind kind_;
  Verdict verdict_;
};

/// Identities the only way there is: by an Attestation, of the test's own process as peer.
class IdentityMaker {
 public:
  explicit IdentityMaker(IdentityConfig config) : config_(std::move(config)), attestation_({}, rules(config_), false) {}

  [[nodiscard]] Rules rules(const IdentityConfig& config) {
    Result<Rules> compiled = Rules::compile(config, "store", domains, false);
    check(compiled.has_value(), compiled.has_value() ? "" : compiled.error().message.c_str());
    return *compiled;
  }

  [[nodiscard]] Result<Identity> attest(IdentityFacts facts) {
    std::vector<std::unique_ptr<Attestor>> attestors;
    const AttestorKind kind = facts.attested_by;
    attestors.push_back(std::make_unique<ScriptedAttestor>(kind, std::move(facts)));
    attestation_.set_attestors(std::move(attestors));
    const SocketPair pair;
    const Result<Peer> peer = Peer::take(pair.ours.get());
    check(peer.has_value(), "the test can't attest itself");
    Cancel cancel;
    Task<Result<Identity>> asking = attestation_.attest(*peer, cancel);
    asking.start();
    check(asking.is_done(), "a scripted attestor waited");
    return asking.take();
  }
  [[nodiscard]] Identity make(IdentityFacts facts) {
    Result<Identity> identity = attest(std::move(facts));
    check(identity.has_value(), "the identity that a test needs was refused");
    return std::move(*identity);
  }
  [[nodiscard]] Identity user(uid_t uid) {
    IdentityFacts facts;
    facts.attested_by = AttestorKind::user;
    facts.uid = uid;
    facts.gid = uid;
    facts.pid = 42;
    return make(std::move(facts));
  }
  [[nodiscard]] Attestation& attestation() noexcept { return attestation_; }

  DomainTable domains;

 private:
  IdentityConfig config_;
  Attestation attestation_;
};

/// A rule for a uid; without a domain, an admin's.
[[nodiscard]] inline RuleConfig user_rule(const std::string& user, std::optional<std::string> domain = std::nullopt) {
  RuleConfig rule;
  rule.user = user;
  rule.domain = std::move(domain);
  return rule;
}

}  // namespace tantalus::test
