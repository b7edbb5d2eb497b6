// SPDX-License-Identifier: Apache-2.0
// Who is served, on each rung of the ladder, and who never is.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/daemon.h"
#include "tests/support/wire_client.h"

using namespace tantalus;
using namespace tantalus::test;

namespace {

std::string with_admin(bool allow_weak) {
  std::string config = Daemon::default_config();
  const std::string rule = "    - user: 1002\n      domain: sales\n";
  config.replace(config.find(rule), rule.size(),
                 rule + "  admins:\n    - user: 1001\n" + (allow_weak ? "  allow_weak_peer: true\n" : ""));
  return config;
}

}  // namespace

TEST_CASE("each rung serves, and the admin scope is refused on the weak one", "[promise-2][trap-10]") {
  if (::geteuid() != 0) {
    SKIP("needs root to be other users");
  }
  struct Rung {
    std::vector<std::string> wrapper;
    bool weak;
    bool allowed;
  };
  for (const Rung& rung : {Rung{{}, false, false}, Rung{{DENY_CALL, "pidfd_ioctl"}, false, false},
                           Rung{{DENY_CALL, "peerpidfd"}, true, false}, Rung{{DENY_CALL, "peerpidfd"}, true, true}}) {
    INFO((rung.wrapper.empty() ? "all there" : rung.wrapper.back()) << (rung.allowed ? ", weak allowed" : ""));
    Daemon daemon({.config = with_admin(rung.allowed), .wrapper = rung.wrapper});
    daemon.write_manifest("finance.yaml", Daemon::manifest("finance", {{"k", "v"}}));
    daemon.write_manifest("admin.yaml", Daemon::manifest("admin", {{"k", "a"}}));
    REQUIRE(daemon.start());
    Reference reference;
    reference.key = "k";
    Reference admin = reference;
    admin.scope = Scope::admin;
    const auto answers = ask_as(1001, daemon.socket(), {to_resolve(reference), to_resolve(admin)});
    CHECK(answers[0] == "v");
    CHECK((rung.weak && !rung.allowed ? answers[1].starts_with("!permission_denied") : answers[1] == "a"));
    CHECK(daemon.http("/v1/status").second.find(rung.weak ? "\"peer\":\"weak\"" : "\"peer\":\"pidfd\"") !=
          std::string::npos);
  }
}

TEST_CASE("a process in a pid namespace of its own is nobody's host user", "[promise-3][trap-135]") {
  if (::geteuid() != 0) {
    SKIP("needs root to make a pid namespace");
  }
  Daemon daemon;
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  REQUIRE(daemon.start());
  Reference reference;
  reference.key = "k";
  CHECK(ask_as(0, daemon.socket(), {to_resolve(reference)})[0] == "v");
  const Ended ended = in_child([&](int out) {
    if (::unshare(CLONE_NEWPID) != 0) {
      return 77;
    }
    say(out, ask_as(0, daemon.socket(), {to_resolve(reference)})[0]);
    return 0;
  });
  if (ended.exited_with(77)) {
    SKIP("this kernel makes no pid namespace here");
  }
  CHECK(ended.said.starts_with("!unauthenticated"));
}

TEST_CASE("the admin scope is refused to whoever was passed an admin's connection", "[promise-1][trap-20]") {
  if (::geteuid() != 0) {
    SKIP("needs root to be other users");
  }
  Daemon daemon({.config = with_admin(false)});
  daemon.write_manifest("finance.yaml", Daemon::manifest("finance", {{"k", "v"}}));
  daemon.write_manifest("admin.yaml", Daemon::manifest("admin", {{"k", "a"}}));
  REQUIRE(daemon.start());
  const Ended ended = in_child([&](int out) {
    if (::setresgid(1001, 1001, 1001) != 0 || ::setresuid(1001, 1001, 1001) != 0) {
      return 1;
    }
    WireClient client(daemon.socket());
    const auto ask = [&](Scope scope) {
      client.send(resolve_request(1, "k", std::nullopt, scope));
      const auto reply = client.receive();
      return reply.has_value() ? reply->code() : std::string("closed");
    };
    std::string all = ask(Scope::admin) + ' ';
    const pid_t other = ::fork();  // The same uid, and another process than the one that connected.
    if (other == 0) {
      say(out, all + ask(Scope::admin) + ' ' + ask(Scope::domain) + ' ');
      ::_exit(0);
    }
    ::waitpid(other, nullptr, 0);
    return 0;
  });
  CHECK(ended.said == "ok permission_denied ok ");
}
