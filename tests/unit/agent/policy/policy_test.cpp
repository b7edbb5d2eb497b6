// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/policy.h"

#include <array>

#include "tests/support/alloc_counter.h"
#include "tests/support/catch.h"
#include "tests/support/identity_maker.h"

namespace tantalus {
namespace {

using test::IdentityMaker;
using test::user_rule;

constexpr Policy::Sources all_on{.default_source = Source::file, .kubernetes = true, .file = true, .vault = true};
constexpr Policy::Sources file_only{.default_source = Source::file, .kubernetes = false, .file = true, .vault = false};

IdentityConfig table() {
  IdentityConfig config;
  config.domains = {user_rule("1", "finance"), user_rule("2", "Sales_Team"), user_rule("4", "finance")};
  config.admins = {user_rule("3"), user_rule("4")};
  config.objects = {{"Sales_Team", "sales-team"}};
  return config;
}

/// The callers of docs/protocol.md, "Who gets what".
struct Callers {
  IdentityMaker maker{table()};
  Identity nobody = maker.user(9);
  Identity finance = maker.user(1);
  Identity sales = maker.user(2);
  Identity admin = maker.user(3);
  Identity admin_of_domain = maker.user(4);
};

Reference reference(Scope scope, std::optional<Source> source = std::nullopt) {
  Reference wanted;
  wanted.key = "db-password";
  wanted.scope = scope;
  wanted.source = source;
  return wanted;
}

/// `ok` or the code's text.
template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "ok" : std::string(to_text(result.error().code));
}

}  // namespace

TEST_CASE("who gets what is the protocol's table", "[promise-1][promise-4]") {
  const Callers callers;
  const Policy policy(all_on);
  struct Row {
    const Identity* caller;
    std::array<const char*, 3> of;  // Domain, global, admin.
  };
  const char* const denied = "permission_denied";
  for (const Row& row : {Row{nullptr, {"unauthenticated", "unauthenticated", "unauthenticated"}},
                         Row{&callers.nobody, {denied, denied, denied}}, Row{&callers.finance, {"ok", "ok", denied}},
                         Row{&callers.sales, {"ok", "ok", denied}}, Row{&callers.admin, {denied, "ok", "ok"}},
                         Row{&callers.admin_of_domain, {"ok", "ok", "ok"}}}) {
    for (const Source source : {Source::file, Source::kubernetes}) {
      for (std::size_t i = 0; i < 3; ++i) {
        const auto scope = static_cast<Scope>(i);
        INFO((row.caller ? row.caller->facts().uid : 0) << " " << to_text(scope) << " " << to_text(source));
        CHECK(outcome(policy.authorize(row.caller, reference(scope, source))) == row.of[i]);
        CHECK(outcome(policy.authorize_list(row.caller, source, scope)) == row.of[i]);
      }
    }
  }
}

TEST_CASE("a grant names the caller's own place, whatever the reference says", "[promise-1]") {
  const Callers callers;
  const Policy policy(all_on);
  Reference wanted = reference(Scope::domain);
  wanted.field = "password";
  const Result<Grant> own = policy.authorize(&callers.sales, wanted);
  REQUIRE(own);
  CHECK(own->domain == callers.sales.domain()->id);
  CHECK(own->object == "sales-team");
  CHECK(own->source == Source::file);
  CHECK(own->scope == Scope::domain);
  CHECK(own->key == "db-password");
  CHECK(own->field == "password");
  CHECK(own->integration == IntegrationId::none);
  const Result<Grant> others = policy.authorize(&callers.finance, wanted);
  REQUIRE(others);
  CHECK_FALSE(*others == *own);
  CHECK(others->object == "finance");

  wanted.scope = Scope::global;
  const Result<Grant> global = policy.authorize(&callers.sales, wanted);
  REQUIRE(global);
  CHECK(global->domain == DomainId::global);
  CHECK(global->object.empty());
  CHECK(*global == *policy.authorize(&callers.finance, wanted));

  wanted.scope = Scope::admin;
  const Result<Grant> admin = policy.authorize(&callers.admin, wanted);
  REQUIRE(admin);
  CHECK(admin->domain == DomainId::admin);
  CHECK(admin->object == "admin");
}

TEST_CASE("every refusal of the attested has one text and tells nothing of what exists", "[promise-4]") {
  const Callers callers;
  const Policy policy(file_only);
  Reference of_another = reference(Scope::domain);
  of_another.id = "finance";
  for (const Result<Grant>& refused :
       {policy.authorize(&callers.nobody, reference(Scope::domain)),
        policy.authorize(&callers.nobody, reference(Scope::global)),
        policy.authorize(&callers.finance, reference(Scope::admin)),
        policy.authorize(&callers.admin, reference(Scope::domain)), policy.authorize(&callers.sales, of_another),
        // A source that isn't enabled is not told to who may not have it either.
        policy.authorize(&callers.nobody, reference(Scope::domain, Source::kubernetes)),
        policy.authorize(&callers.finance, reference(Scope::admin, Source::kubernetes)),
        policy.authorize(&callers.nobody, reference(Scope::domain, Source::vault)),
        policy.authorize_list(&callers.nobody, Source::file, Scope::global)}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::permission_denied);
    CHECK(refused.error().message == permission_denied_text);
  }
}

TEST_CASE("outside Vault, id must be the caller's own domain", "[promise-1]") {
  const Callers callers;
  const Policy policy(all_on);
  const auto with_id = [&](const Identity& caller, Scope scope, std::string_view id) {
    Reference wanted = reference(scope, Source::kubernetes);
    wanted.id = id;
    return outcome(policy.authorize(&caller, wanted));
  };
  CHECK(with_id(callers.finance, Scope::domain, "finance") == "ok");
  CHECK(with_id(callers.finance, Scope::global, "finance") == "ok");
  CHECK(with_id(callers.finance, Scope::domain, "Sales_Team") == "permission_denied");
  CHECK(with_id(callers.finance, Scope::global, "Sales_Team") == "permission_denied");
  CHECK(with_id(callers.sales, Scope::domain, "Sales_Team") == "ok");
  CHECK(with_id(callers.sales, Scope::domain, "sales-team") == "permission_denied");  // The object is no name.
  CHECK(with_id(callers.admin, Scope::admin, "finance") == "permission_denied");
}

TEST_CASE("the source that is named is asked and no other") {
  const Callers callers;
  const Policy policy(file_only);
  CHECK(outcome(policy.authorize(&callers.finance, reference(Scope::domain))) == "ok");
  const Result<Grant> off = policy.authorize(&callers.finance, reference(Scope::domain, Source::kubernetes));
  REQUIRE_FALSE(off);
  CHECK(off.error().code == Code::misconfigured);
  CHECK_THAT(off.error().message, Catch::Matchers::ContainsSubstring("kubernetes"));
  CHECK(outcome(policy.authorize_list(&callers.finance, Source::kubernetes, Scope::domain)) == "misconfigured");
  CHECK(policy.is_enabled(Source::file));
  CHECK_FALSE(policy.is_enabled(Source::vault));
}

TEST_CASE("Vault has the domain scope alone, and a domain without integrations is misconfigured") {
  const Callers callers;
  for (const Policy& policy : {Policy(all_on), Policy(file_only)}) {
    CHECK(outcome(policy.authorize(&callers.finance, reference(Scope::domain, Source::vault))) == "misconfigured");
    CHECK(outcome(policy.authorize(&callers.finance, reference(Scope::global, Source::vault))) == "invalid_request");
    CHECK(outcome(policy.authorize(&callers.admin, reference(Scope::admin, Source::vault))) == "invalid_request");
    CHECK(outcome(policy.authorize_list(&callers.finance, Source::vault, Scope::domain)) == "misconfigured");
    CHECK(outcome(policy.authorize_list(&callers.finance, Source::vault, Scope::global)) == "invalid_request");
  }
}

TEST_CASE("a bad reference is an invalid request for the attested, and nothing at all for others") {
  const Callers callers;
  const Policy policy(all_on);
  Reference bad = reference(Scope::domain);
  bad.key = "../other";
  CHECK(outcome(policy.authorize(nullptr, bad)) == "unauthenticated");
  CHECK(outcome(policy.authorize(&callers.nobody, bad)) == "invalid_request");
  CHECK(outcome(policy.authorize(&callers.finance, bad)) == "invalid_request");
  Reference versioned = reference(Scope::domain);
  versioned.version = 3;
  CHECK(outcome(policy.authorize(&callers.finance, versioned)) == "invalid_request");
}

TEST_CASE("what is allowed costs no allocation") {
  const Callers callers;
  const Policy policy(all_on);
  const Reference wanted = reference(Scope::domain);
  REQUIRE(allocations_once_warm(10, [] { std::string(100, 'x').swap(*std::make_unique<std::string>()); }) == 20);
  CHECK(allocations_once_warm(1000, [&] { check(policy.authorize(&callers.finance, wanted).has_value(), "denied"); }) ==
        0);
}

}  // namespace tantalus
