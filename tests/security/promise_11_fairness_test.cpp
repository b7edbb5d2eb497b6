// SPDX-License-Identifier: Apache-2.0
// One caller takes all that it may, and another notices nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/daemon.h"
#include "tests/support/wire_client.h"

using namespace std::chrono_literals;
using namespace tantalus;
using namespace tantalus::test;

namespace {

constexpr uid_t finance = 1001;
constexpr uid_t sales = 1002;

}  // namespace

TEST_CASE("who takes all of its share takes none of another's", "[promise-11][trap-38][trap-141]") {
  if (::geteuid() != 0) {
    SKIP("needs root to be two users");
  }
  Daemon daemon({.config = Daemon::default_config() + "limits:\n  misses: 1/s burst 10\n  connections_per_peer: 20\n"});
  daemon.write_manifest("finance.yaml", Daemon::manifest("finance", {{"k", "f"}}));
  daemon.write_manifest("sales.yaml", Daemon::manifest("sales", {{"k", "s"}}));
  REQUIRE(daemon.start());
  // A process of finance holds every connection that it gets, and every read.
  int ready[2];
  int done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t greedy = ::fork();
  REQUIRE(greedy >= 0);
  if (greedy == 0) {
    ::close(done[1]);
    if (::setresgid(finance, finance, finance) != 0 || ::setresuid(finance, finance, finance) != 0) {
      ::_exit(1);
    }
    std::vector<std::unique_ptr<WireClient>> clients;
    std::string told;
    try {
      for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<WireClient>(daemon.socket()));
        for (std::uint32_t request = 0; request < 20; ++request) {
          clients.back()->send(resolve_request(request, "absent-" + std::to_string(i) + "-" + std::to_string(request)));
        }
      }
      int overloaded = 0;
      for (const auto& client : clients) {
        for (int request = 0; request < 20; ++request) {
          const auto reply = client->receive();
          overloaded += reply.has_value() && reply->code() == "overloaded" ? 1 : 0;
        }
      }
      WireClient over(daemon.socket());
      const auto refused = over.receive();
      told = std::to_string(overloaded) + " " + (refused.has_value() ? refused->code() : "nothing");
    } catch (const std::exception& error) {
      told = error.what();
    }
    told += '\n';
    (void)!::write(ready[1], told.data(), told.size());
    char nothing = 0;
    (void)!::read(done[0], &nothing, 1);
    ::_exit(0);
  }
  ::close(done[0]);
  ::close(ready[1]);
  std::string told;
  for (char byte = 0; ::read(ready[0], &byte, 1) == 1 && byte != '\n';) {
    told += byte;
  }
  INFO(told);
  CHECK(told.ends_with(" overloaded"));
  CHECK(std::stoi(told) >= 380);  // Of 400: ten at once, and one a second.
  Reference reference;
  reference.key = "k";
  CHECK(ask_as(finance, daemon.socket(), {to_resolve(reference)})[0] != "f");
  std::vector<ReplyBuffer> requests;
  for (int i = 0; i < 5; ++i) {
    requests.push_back(to_resolve(reference));
    requests.push_back(to_explain(reference));
  }
  const auto answers = ask_as(sales, daemon.socket(), requests);
  for (std::size_t i = 0; i < answers.size(); i += 2) {
    CHECK(answers[i] == "s");
    CHECK(answers[i + 1].find("decision=allow") != std::string::npos);
  }
  ::close(done[1]);
  ::waitpid(greedy, nullptr, 0);
  ::close(ready[0]);
  // What it held is given back.
  CHECK(eventually([&] { return ask_as(finance, daemon.socket(), {to_resolve(reference)})[0] == "f"; }));
  CHECK(daemon.stop() == 0);
}
