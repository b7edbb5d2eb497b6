// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/rules.h"

#include <pwd.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/identity_maker.h"

namespace tantalus {
namespace {

using test::user_rule;

IdentityFacts user(uid_t uid) {
  IdentityFacts facts;
  facts.attested_by = AttestorKind::user;
  facts.uid = uid;
  return facts;
}

IdentityFacts unit(const std::string& name) {
  IdentityFacts facts;
  facts.attested_by = AttestorKind::unit;
  facts.unit = name;
  facts.uid = 1000;
  return facts;
}

IdentityFacts pod(const std::string& space, const std::string& account) {
  IdentityFacts facts;
  facts.attested_by = AttestorKind::pod;
  facts.namespace_name = space;
  facts.service_account = account;
  facts.container = "main";
  facts.uid = 1000;
  return facts;
}

RuleConfig namespace_rule(const std::string& glob, std::optional<std::string> domain) {
  RuleConfig rule;
  rule.namespace_glob = glob;
  rule.domain = std::move(domain);
  return rule;
}

RuleConfig unit_rule(const std::string& name, const std::string& domain) {
  RuleConfig rule;
  rule.unit = name;
  rule.domain = domain;
  return rule;
}

IdentityConfig with(std::vector<RuleConfig> domains, std::vector<RuleConfig> admins = {}) {
  IdentityConfig config;
  config.domains = std::move(domains);
  config.admins = std::move(admins);
  return config;
}

std::string refusal(const IdentityConfig& config, const std::string& store = "store") {
  DomainTable table;
  const Result<Rules> rules = Rules::compile(config, store, table, false);
  if (rules) {
    return "compiled";
  }
  CHECK(rules.error().code == Code::misconfigured);
  return rules.error().message;
}

/// `domain`, `domain+admin`, `admin` or nothing, then the rule.
std::string applied(const IdentityConfig& config, const IdentityFacts& facts, bool pods_on = false) {
  DomainTable table;
  const Result<Rules> rules = Rules::compile(config, "store", table, pods_on);
  REQUIRE(rules);
  const Result<Rules::Match> match = rules->apply(facts);
  REQUIRE(match);
  return (match->domain != nullptr ? match->domain->name : "") + (match->admin ? "+admin" : "") + " " + match->rule;
}

}  // namespace

TEST_CASE("the first rule that matches decides", "[promise-1]") {
  const IdentityConfig config =
      with({user_rule("7", "a"), user_rule("8", "b"), user_rule("7", "c")}, {user_rule("8"), user_rule("9")});
  CHECK(applied(config, user(7)) == "a identity.domains[0]");
  CHECK(applied(config, user(8)) == "b+admin identity.domains[1]");
  CHECK(applied(config, user(9)) == "+admin identity.admins[1]");
  CHECK(applied(config, user(10)) == " ");
  CHECK(applied(with({}), user(0)) == " ");  // No rule, no domain: not for root either.
}

TEST_CASE("a rule matches only identities of its own kind", "[promise-3][trap-17]") {
  const IdentityConfig config =
      with({namespace_rule("*", "of-pods"), unit_rule("a.service", "of-units"), user_rule("1000", "of-users")});
  CHECK(applied(config, user(1000)) == "of-users identity.domains[2]");
  CHECK(applied(config, unit("a.service")) == "of-units identity.domains[1]");
  CHECK(applied(config, unit("b.service")) == " ");
  CHECK(applied(config, unit("")) == " ");
  CHECK(applied(config, pod("anything", "any")) == "of-pods identity.domains[0]");
  IdentityFacts token = pod("anything", "any");
  token.attested_by = AttestorKind::token;
  CHECK(applied(config, token) == "of-pods identity.domains[0]");
  // Rules of labels wait for facts that carry them.
  RuleConfig label;
  label.pod_label = "iomete.com/domain";
  label.namespaces = {"*"};
  CHECK(applied(with({label}), pod("a", "b")) == " ");
}

TEST_CASE("rules of namespaces are narrowed by service account and container") {
  RuleConfig rule = namespace_rule("spark-*", "finance");
  rule.service_account = "etl-*";
  rule.containers = {"main", "side*"};
  const IdentityConfig config = with({rule});
  CHECK(applied(config, pod("spark-1", "etl-1")) == "finance identity.domains[0]");
  CHECK(applied(config, pod("spark", "etl-1")) == " ");
  CHECK(applied(config, pod("spark-1", "web")) == " ");
  IdentityFacts other = pod("spark-1", "etl-1");
  other.container = "debugger";
  CHECK(applied(config, other) == " ");
}

TEST_CASE("with pods on, rules of users hold only where host_users says so", "[promise-3][trap-135]") {
  IdentityConfig config = with({user_rule("7", "a")}, {user_rule("7")});
  CHECK(applied(config, user(7), false) == "a+admin identity.domains[0]");
  CHECK(applied(config, user(7), true) == " ");
  config.host_users = true;
  CHECK(applied(config, user(7), true) == "a+admin identity.domains[0]");
}

TEST_CASE("a weakly held peer is no admin unless the configuration allows it", "[promise-2]") {
  IdentityConfig config = with({user_rule("7", "a")}, {user_rule("7")});
  IdentityFacts weak = user(7);
  weak.weak_peer = true;
  CHECK(applied(config, weak) == "a identity.domains[0]");
  CHECK(applied(with({}, {user_rule("7")}), weak) == " ");
  config.allow_weak_peer = true;
  CHECK(applied(config, weak) == "a+admin identity.domains[0]");
}

TEST_CASE("users are uids, with or without an account, or names that this host has") {
  CHECK(applied(with({user_rule("root", "a")}), user(0)) == "a identity.domains[0]");
  CHECK(applied(with({user_rule("0", "a")}), user(0)) == "a identity.domains[0]");
  CHECK(applied(with({user_rule("4294967294", "a")}), user(4'294'967'294)) == "a identity.domains[0]");
  for (const char* wrong : {"4294967295", "4294967296", "99999999999999999999"}) {
    CHECK_THAT(refusal(with({user_rule(wrong, "a")})), Catch::Matchers::StartsWith("identity.domains[0].user: "));
  }
  for (const char* unknown : {"no-such-user-here", "-1", "1x", " 1", ""}) {
    CHECK_THAT(refusal(with({user_rule("1", "a"), user_rule(unknown, "a")})),
               Catch::Matchers::StartsWith("identity.domains[1].user: no user of this host is called"));
  }
  CHECK_THAT(refusal(with({}, {user_rule("no-such-user-here")})),
             Catch::Matchers::StartsWith("identity.admins[0].user: "));
}

TEST_CASE("a rule has one selector, and what belongs to it") {
  using Catch::Matchers::StartsWith;
  CHECK_THAT(refusal(with({RuleConfig{}})), StartsWith("identity.domains[0]: needs exactly one of"));
  RuleConfig two = user_rule("1", "a");
  two.unit = "x.service";
  CHECK_THAT(refusal(with({two})), StartsWith("identity.domains[0]: needs exactly one of"));
  CHECK_THAT(refusal(with({user_rule("1")})), StartsWith("identity.domains[0].domain: is missing"));
  CHECK_THAT(refusal(with({}, {user_rule("1", "a")})), StartsWith("identity.admins[0]: "));
  RuleConfig narrowed = user_rule("1", "a");
  narrowed.service_account = "x";
  CHECK_THAT(refusal(with({narrowed})), StartsWith("identity.domains[0]: namespaces, service_account"));
  RuleConfig label;
  label.pod_label = "x";
  CHECK_THAT(refusal(with({label})), StartsWith("identity.domains[0].namespaces: is missing"));
  label.namespaces = {"a"};
  label.domain = "a";
  CHECK_THAT(refusal(with({label})), StartsWith("identity.domains[0].domain: has no place here"));
  label.domain.reset();
  CHECK(refusal(with({label})) == "compiled");
  CHECK_THAT(refusal(with({}, {label})), StartsWith("identity.admins[0]: "));
}

TEST_CASE("a domain that would own the admin store is refused", "[trap-121]") {
  CHECK_THAT(refusal(with({user_rule("1", "admin")})),
             Catch::Matchers::StartsWith("identity.domains[0].domain: \"admin\" is no domain: its object would be"));
  IdentityConfig mapped = with({user_rule("1", "Admins")});
  mapped.objects = {{"Admins", "admin"}};
  CHECK_THAT(refusal(mapped),
             Catch::Matchers::StartsWith("identity.objects.Admins: \"store-admin\" is the admin store"));
}

TEST_CASE("a name that is no object name needs an entry, and nothing is rewritten", "[trap-122]") {
  using Catch::Matchers::StartsWith;
  for (const char* wrong : {"Finance", "fin_ance", "-a", "a-", "a..b", ".a", "a.", "a/b", "\xc3\xbc", "", "a b"}) {
    INFO(wrong);
    CHECK_THAT(refusal(with({user_rule("1", wrong)})), StartsWith("identity.domains[0].domain: "));
  }
  for (const char* right : {"a", "0", "a-b", "a.b", "global", "a--b"}) {
    CHECK(refusal(with({user_rule("1", right)})) == "compiled");
  }
  IdentityConfig mapped = with({user_rule("1", "Finance_Team")});
  mapped.objects = {{"Finance_Team", "finance-team"}};
  DomainTable table;
  const Result<Rules> rules = Rules::compile(mapped, "store", table, false);
  REQUIRE(rules);
  const Domain* domain = rules->apply(user(1))->domain;
  REQUIRE(domain != nullptr);
  CHECK(domain->name == "Finance_Team");
  CHECK(domain->object == "finance-team");
}

TEST_CASE("an object name fits 253 characters with its store", "[trap-122]") {
  const std::string fits(253 - std::string("store-").size(), 'a');
  CHECK(refusal(with({user_rule("1", fits)})) == "compiled");
  CHECK(refusal(with({user_rule("1", fits + "a")})) != "compiled");
}

TEST_CASE("two names never have one object", "[trap-122]") {
  using Catch::Matchers::ContainsSubstring;
  using Catch::Matchers::StartsWith;
  IdentityConfig config = with({user_rule("1", "finance-team")});
  config.objects = {{"Finance_Team", "finance-team"}};
  CHECK_THAT(refusal(config), StartsWith("identity.domains[0].domain: \"finance-team\" is no domain") &&
                                  ContainsSubstring("object of the domain \"Finance_Team\""));
  config.domains.clear();
  config.objects = {{"A_B", "x"}, {"B_A", "x"}};
  CHECK_THAT(refusal(config), StartsWith("identity.objects.B_A: the domain \"A_B\" has the object"));
}

TEST_CASE("entries of objects are checked, each named") {
  using Catch::Matchers::StartsWith;
  const auto refused = [](std::map<std::string, std::string> objects) {
    IdentityConfig config;
    config.objects = std::move(objects);
    return refusal(config);
  };
  CHECK_THAT(refused({{"finance", "other"}}), StartsWith("identity.objects.finance: this name is an object name"));
  CHECK_THAT(refused({{"Finance", "Other"}}),
             StartsWith("identity.objects.Finance: \"store-Other\" is no object name"));
  CHECK_THAT(refused({{"Finance", ""}}), StartsWith("identity.objects.Finance: "));
  CHECK_THAT(refused({{"", "x"}}), StartsWith("identity.objects.: "));
  CHECK(refused({{"Finance", "finance"}}) == "compiled");
}

TEST_CASE("a domain's id stands for its name and its object, and is never used again", "[promise-1]") {
  DomainTable table;
  const Domain& first = table.intern("a", "a");
  const Domain& second = table.intern("b", "b");
  CHECK(first.id == DomainId::first);
  CHECK(second.id != first.id);
  CHECK(&table.intern("a", "a") == &first);
  const Domain& moved = table.intern("a", "other");
  CHECK(moved.id != first.id);
  CHECK(table.find(first.id) == &first);
  CHECK(table.find(moved.id) == &moved);
  CHECK(table.find(DomainId::none) == nullptr);
  CHECK(table.find(DomainId::global) == nullptr);
  CHECK(table.find(DomainId::admin) == nullptr);
  CHECK(table.find(static_cast<DomainId>(99)) == nullptr);
}

}  // namespace tantalus
