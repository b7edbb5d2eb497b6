// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/attestor.h"

#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/identity_maker.h"
#include "tests/support/workload.h"

namespace tantalus {
namespace {

using test::IdentityMaker;
using test::ScriptedAttestor;
using test::user_rule;

IdentityConfig one_domain() {
  IdentityConfig config;
  config.domains = {user_rule("7", "finance")};
  config.admins = {user_rule("9")};
  return config;
}

IdentityFacts user(uid_t uid) {
  IdentityFacts facts;
  facts.attested_by = AttestorKind::user;
  facts.uid = uid;
  return facts;
}

Result<Identity> attested(Attestation& attestation, const Peer& peer) {
  Cancel cancel;
  Task<Result<Identity>> asking = attestation.attest(peer, cancel);
  asking.start();
  REQUIRE(asking.is_done());
  return asking.take();
}

/// Waits until it is let go on.
class WaitingAttestor final : public Attestor {
 public:
  [[nodiscard]] AttestorKind kind() const noexcept override { return AttestorKind::user; }
  [[nodiscard]] Task<Verdict> attest(const Peer& /*peer*/, Cancel& /*cancel*/) override {
    struct Pause {
      const WaitingAttestor& self;
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> waiting) const noexcept { self.waiting_ = waiting; }
      void await_resume() const noexcept {}
    };
    const Pause pause{*this};
    co_await pause;
    co_return user(7);
  }
  void go_on() const { waiting_.resume(); }

 private:
  mutable std::coroutine_handle<> waiting_;
};

}  // namespace

TEST_CASE("an identity is whole: facts, domain, admin right, rule and principal", "[promise-2]") {
  IdentityMaker maker(one_domain());
  const Identity of_domain = maker.user(7);
  REQUIRE(of_domain.domain() != nullptr);
  CHECK(of_domain.domain()->name == "finance");
  CHECK_FALSE(of_domain.is_admin());
  CHECK(of_domain.rule() == "identity.domains[0]");
  CHECK(of_domain.facts().uid == 7);
  CHECK(of_domain.principal() != PrincipalId::unattested);
  const Identity admin = maker.user(9);
  CHECK(admin.domain() == nullptr);
  CHECK(admin.is_admin());
  const Identity nobody = maker.user(8);
  CHECK(nobody.domain() == nullptr);
  CHECK_FALSE(nobody.is_admin());
  CHECK(nobody.rule().empty());
}

TEST_CASE("a principal is a uid, a unit or a pod, the same on each connection", "[promise-11][trap-38]") {
  IdentityMaker maker(one_domain());
  const PrincipalId first = maker.user(7).principal();
  CHECK(maker.user(7).principal() == first);
  CHECK(maker.user(8).principal() != first);
  IdentityFacts unit;
  unit.attested_by = AttestorKind::unit;
  unit.unit = "7";
  unit.uid = 7;
  CHECK(maker.make(unit).principal() != first);
  IdentityFacts pod;
  pod.attested_by = AttestorKind::pod;
  pod.pod_uid = "7";
  pod.pod = "web";
  const PrincipalId of_pod = maker.make(pod).principal();
  pod.container = "other";
  CHECK(maker.make(pod).principal() == of_pod);
  pod.attested_by = AttestorKind::token;
  CHECK(maker.make(pod).principal() == of_pod);
}

TEST_CASE("only not mine goes on to the next attestor", "[promise-3][trap-135]") {
  IdentityMaker maker(one_domain());
  const test::SocketPair pair;
  const Result<Peer> peer = Peer::take(pair.ours.get());
  REQUIRE(peer);
  const auto ask = [&](Verdict first) {
    std::vector<std::unique_ptr<Attestor>> attestors;
    attestors.push_back(std::make_unique<ScriptedAttestor>(AttestorKind::pod, std::move(first)));
    auto second = std::make_unique<ScriptedAttestor>(AttestorKind::user, user(7));
    const ScriptedAttestor& asked = *second;
    attestors.push_back(std::move(second));
    Attestation attestation(std::move(attestors), maker.rules(one_domain()), false);
    const Result<Identity> identity = attested(attestation, *peer);
    return std::pair(identity ? "attested" : std::string(to_text(identity.error().code)), asked.asked);
  };
  CHECK(ask(NotMine{}) == std::pair(std::string("attested"), 1));
  CHECK(ask(user(8)) == std::pair(std::string("attested"), 0));
  CHECK(ask(Error{Code::unauthenticated, "refused"}) == std::pair(std::string("unauthenticated"), 0));
  CHECK(ask(Error{Code::unavailable, "not known yet"}) == std::pair(std::string("unavailable"), 0));
}

TEST_CASE("a caller that is nobody's is unauthenticated, not an empty identity", "[promise-3][trap-17]") {
  IdentityMaker maker(one_domain());
  const test::SocketPair pair;
  const Result<Peer> peer = Peer::take(pair.ours.get());
  REQUIRE(peer);
  std::vector<std::unique_ptr<Attestor>> attestors;
  SECTION("no attestor at all") {}
  SECTION("not any of them") {
    attestors.push_back(std::make_unique<ScriptedAttestor>(AttestorKind::user, NotMine{}));
    attestors.push_back(std::make_unique<ScriptedAttestor>(AttestorKind::unit, NotMine{}));
  }
  Attestation attestation(std::move(attestors), maker.rules(one_domain()), false);
  const Result<Identity> identity = attested(attestation, *peer);
  REQUIRE_FALSE(identity);
  CHECK(identity.error().code == Code::unauthenticated);
}

TEST_CASE("a peer that ends while it is attested is refused", "[promise-2][trap-9]") {
  const PeerRung best = GENERATE(PeerRung::pidfd_ioctl, PeerRung::weak);
  IdentityMaker maker(one_domain());
  const test::ListeningSocket listening;
  test::Workload workload([&] {
    (void)listening.connect();
    test::stay();
  });
  const UniqueFd socket = listening.accept();
  const Result<Peer> peer = Peer::take(socket.get(), best);
  REQUIRE(peer);
  std::vector<std::unique_ptr<Attestor>> attestors;
  auto waiting = std::make_unique<WaitingAttestor>();
  const WaitingAttestor& attestor = *waiting;
  attestors.push_back(std::move(waiting));
  Attestation attestation(std::move(attestors), maker.rules(one_domain()), true);
  Cancel cancel;
  Task<Result<Identity>> asking = attestation.attest(*peer, cancel);
  asking.start();
  REQUIRE_FALSE(asking.is_done());
  bool ends = false;
  SECTION("it ends") {
    workload.kill_and_reap();
    ends = true;
  }
  SECTION("it stays") {}
  // What is under way ends with the attestors that it began with.
  attestation.set_attestors({});
  attestor.go_on();
  REQUIRE(asking.is_done());
  const Result<Identity> identity = asking.take();
  CHECK(identity.has_value() != ends);
  if (ends) {
    CHECK(identity.error().code == Code::unauthenticated);
  } else {
    CHECK_FALSE(identity->facts().executable.empty());
    CHECK(identity->facts().weak_peer == (best == PeerRung::weak));
  }
}

TEST_CASE("an identity is attributed anew by the rules in force, its facts as they were", "[trap-124][trap-139]") {
  IdentityMaker maker(one_domain());
  const Identity before = maker.user(7);
  IdentityConfig changed;
  changed.domains = {user_rule("7", "sales")};
  changed.admins = {user_rule("7")};
  maker.attestation().set_rules(maker.rules(changed));
  const Result<Identity> after = maker.attestation().attribute_anew(before);
  REQUIRE(after);
  CHECK(after->domain()->name == "sales");
  CHECK(after->domain()->id != before.domain()->id);
  CHECK(after->is_admin());
  CHECK(after->principal() == before.principal());
  CHECK(after->facts().uid == 7);
  CHECK(before.domain()->name == "finance");

  maker.attestation().set_rules(maker.rules({}));
  const Result<Identity> lost = maker.attestation().attribute_anew(before);
  REQUIRE(lost);
  CHECK(lost->domain() == nullptr);
  CHECK_FALSE(lost->is_admin());

  maker.attestation().set_attestors({});
  const Result<Identity> unlisted = maker.attestation().attribute_anew(before);
  REQUIRE_FALSE(unlisted);
  CHECK(unlisted.error().code == Code::unauthenticated);
}

}  // namespace tantalus
