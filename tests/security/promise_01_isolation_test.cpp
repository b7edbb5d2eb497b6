// SPDX-License-Identifier: Apache-2.0
// Every identity, scope, source and method against the real daemon, with one key name in every object.
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/daemon.h"

using namespace tantalus;
using namespace tantalus::test;

namespace {

constexpr uid_t unattested = 65534;  // The overflow uid is nobody's.

std::string rules() {
  std::string config = Daemon::default_config();
  const std::string rule = "    - user: 1002\n      domain: sales\n";
  config.replace(config.find(rule), rule.size(),
                 rule + "    - user: 1005\n      domain: ops\n  admins:\n    - user: 1004\n    - user: 1005\n");
  return config;
}

struct Caller {
  uid_t uid;
  std::string domain;  ///< Empty: none.
  bool admin;
};

const std::vector<Caller>& callers() {
  static const std::vector<Caller> all{{1001, "finance", false}, {1002, "sales", false}, {1003, "", false},
                                       {1004, "", true},         {1005, "ops", true},    {unattested, "", false}};
  return all;
}

/// What docs/protocol.md's table says: the value, or the error's code with `!` before it.
std::string expected(const Caller& caller, Scope scope) {
  if (caller.uid == unattested) {
    return "!unauthenticated";
  }
  switch (scope) {
    case Scope::domain:
      return caller.domain.empty() ? "!permission_denied" : "of-" + caller.domain;
    case Scope::global:
      return caller.domain.empty() && !caller.admin ? "!permission_denied" : "of-global";
    case Scope::admin:
      return caller.admin ? "of-admin" : "!permission_denied";
  }
  return "";
}

std::string code_of(const std::string& answer) {
  return answer.substr(0, answer.find(':'));
}

bool is_root() {
  return ::geteuid() == 0;
}

void write_stores(Daemon& daemon) {
  for (const char* object : {"finance", "sales", "ops", "admin"}) {
    daemon.write_manifest(
        std::string(object) + ".yaml",
        Daemon::manifest(object, {{"same", std::string("of-") + object}, {std::string("only-") + object, "x"}}));
  }
  daemon.write_manifest("global.yaml", Daemon::manifest("", {{"same", "of-global"}}));
}

}  // namespace

TEST_CASE("every identity gets its own, in every scope, by every method", "[promise-1][promise-4][trap-17][trap-40]") {
  if (!is_root()) {
    SKIP("needs root to be other users");
  }
  Daemon daemon({.config = rules()});
  write_stores(daemon);
  REQUIRE(daemon.start());
  for (const Caller& caller : callers()) {
    for (const Scope scope : {Scope::domain, Scope::global, Scope::admin}) {
      INFO("uid " << caller.uid << ", scope " << to_text(scope));
      Reference reference;
      reference.key = "same";
      reference.scope = scope;
      const std::string wanted = expected(caller, scope);
      const auto twice = ask_as(caller.uid, daemon.socket(),
                                {to_resolve(reference), to_resolve(reference), to_resolve_many(reference)});
      for (const std::string& answer : twice) {
        CHECK(code_of(answer) == wanted);
      }
      const auto others = ask_as(caller.uid, daemon.socket(), {to_explain(reference), to_subscribe(reference)});
      if (wanted == "!unauthenticated") {
        CHECK(code_of(others[0]) == wanted);
      } else if (wanted.starts_with("!")) {
        CHECK(others[0].starts_with("decision=deny hint="));
        CHECK(others[0].find("rule") == std::string::npos);
      } else {
        CHECK(others[0].starts_with("decision=allow rule=identity."));
      }
      CHECK((wanted.starts_with("!") ? code_of(others[1]) == wanted : !others[1].starts_with("!")));
    }
    const auto told = ask_as(caller.uid, daemon.socket(), {to_list(), to_whoami(), to_hello(), to_ping()});
    for (const char* object : {"finance", "sales", "ops", "admin"}) {
      const bool own = caller.domain == object || (caller.admin && std::string(object) == "admin");
      CHECK((told[0].find(std::string("only-") + object) != std::string::npos) == own);
    }
    if (caller.uid == unattested) {
      CHECK(code_of(told[1]) == "!unauthenticated");
      CHECK(told[2].find("identity=nil") != std::string::npos);
    } else {
      CHECK(told[1].find("domain=" + (caller.domain.empty() ? std::string("nil") : caller.domain)) !=
            std::string::npos);
      CHECK(told[1].find(std::string("admin=") + (caller.admin ? "true" : "false")) != std::string::npos);
    }
    CHECK(told[3] == "pong");
  }
}

TEST_CASE("another domain's key reads as one that does not exist", "[promise-4]") {
  if (!is_root()) {
    SKIP("needs root to be other users");
  }
  Daemon daemon({.config = rules()});
  write_stores(daemon);
  REQUIRE(daemon.start());
  Reference theirs;
  theirs.key = "only-sales";
  Reference nobodys;
  nobodys.key = "only-nobody";
  const auto answers = ask_as(1001, daemon.socket(), {to_resolve(theirs), to_resolve(nobodys)});
  CHECK(code_of(answers[0]) == "!not_found");
  CHECK(answers[0] == answers[1]);
}

TEST_CASE("a source that is not enabled is never answered by another", "[promise-1]") {
  if (!is_root()) {
    SKIP("needs root to be other users");
  }
  Daemon daemon({.config = rules()});
  write_stores(daemon);
  REQUIRE(daemon.start());
  for (const Source source : {Source::kubernetes, Source::vault}) {
    Reference reference;
    reference.key = "same";
    reference.source = source;
    CHECK(code_of(ask_as(1001, daemon.socket(), {to_resolve(reference)})[0]) == "!misconfigured");
  }
}

TEST_CASE("an id that names another domain is refused, one's own is fine", "[promise-1]") {
  if (!is_root()) {
    SKIP("needs root to be other users");
  }
  Daemon daemon({.config = rules()});
  write_stores(daemon);
  REQUIRE(daemon.start());
  Reference reference;
  reference.key = "same";
  reference.id = "finance";
  CHECK(ask_as(1001, daemon.socket(), {to_resolve(reference)})[0] == "of-finance");
  CHECK(code_of(ask_as(1002, daemon.socket(), {to_resolve(reference)})[0]) == "!permission_denied");
}

TEST_CASE("a rule that a reload takes away is lost on open connections too", "[promise-1][trap-139][trap-111]") {
  if (!is_root()) {
    SKIP("needs root to be other users");
  }
  Daemon daemon({.config = rules()});
  write_stores(daemon);
  REQUIRE(daemon.start());
  Reference reference;
  reference.key = "same";
  CHECK(ask_as(1001, daemon.socket(), {to_resolve(reference)})[0] == "of-finance");
  std::string config = rules();
  config.replace(config.find("domain: finance"), 15, "domain: auditor");
  daemon.write_config(config);
  daemon.signal(SIGHUP);
  CHECK(eventually([&] { return code_of(ask_as(1001, daemon.socket(), {to_resolve(reference)})[0]) == "!not_found"; }));
  daemon.write_config(config + "nonsense: true\n");
  daemon.signal(SIGHUP);
  CHECK(eventually([&] { return daemon.log().find("nonsense") != std::string::npos; }));
  CHECK(ask_as(1002, daemon.socket(), {to_resolve(reference)})[0] == "of-sales");
}
