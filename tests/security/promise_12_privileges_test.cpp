// SPDX-License-Identifier: Apache-2.0
// What the kernel says that the running daemon has given up.
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/daemon.h"
#include "tests/support/json.h"

using namespace tantalus;
using namespace tantalus::test;

TEST_CASE("the running daemon has no privileges left to take", "[promise-12][promise-5][trap-61]") {
  Daemon daemon;
  REQUIRE(daemon.start());
  std::map<std::string, std::string> status;
  std::ifstream file("/proc/" + std::to_string(daemon.pid()) + "/status");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    const std::size_t value = line.find_first_not_of("\t ", colon + 1);
    status[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
  }
  CHECK(status["NoNewPrivs"] == "1");
  CHECK(status["Seccomp"] == "2");
  for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapAmb"}) {
    INFO(set);
    CHECK(status[set] == "0000000000000000");
  }
  std::ifstream limits("/proc/" + std::to_string(daemon.pid()) + "/limits");
  bool no_core = false;
  for (std::string line; std::getline(limits, line);) {
    no_core = no_core || (line.starts_with("Max core file size") && line.find(" 0 ") != std::string::npos);
  }
  CHECK(no_core);
  const Json told(daemon.http("/v1/status").second);
  for (std::size_t i = 0; i < told.size("hardening"); ++i) {
    const std::string at = "hardening/" + std::to_string(i) + "/";
    INFO(told.at(at + "step") << ": " << told.at(at + "why"));
    CHECK((told.at(at + "in_force") == "true" || told.at(at + "step") == "own_user"));
  }
}
