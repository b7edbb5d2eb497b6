// SPDX-License-Identifier: Apache-2.0
// A value is looked for in everything that comes out of the daemon and the command, but the resolve itself.
#include <dirent.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/daemon.h"
#include "tests/support/memory_scan.h"

using namespace tantalus;
using namespace tantalus::test;

namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("no value is in any output but its resolve's", "[promise-7][trap-115][trap-137]") {
  const std::string canary = "canaryqwertzuiopasdfgh";
  std::string config = Daemon::default_config() + "log:\n  level: trace\n";
  Daemon daemon({.config = config});
  daemon.write_manifest("ops.yaml",
                        Daemon::manifest("ops", {{"good", canary}, {"json", "{\\\"a\\\": \\\"" + canary + "\\\"}"}}));
  daemon.write_manifest("bad.yaml", "kind: Secret\nmetadata: {name: iomete-secret-store-sales}\nstringData:\n  a: [" +
                                        canary + "\n  b: \"" + canary + "\n");
  daemon.write_manifest(
      "bad64.yaml", "kind: Secret\nmetadata: {name: iomete-secret-store-finance}\ndata:\n  a: \"" + canary + "!\"\n");
  REQUIRE(daemon.start());
  Reference good;
  good.key = "good";
  Reference no_json;
  no_json.key = "good";
  no_json.field = "member";
  Reference member;
  member.key = "json";
  member.field = "nothing";
  const auto answers = ask_as(::getuid(), daemon.socket(),
                              {to_resolve(good), to_explain(good), to_subscribe(good), to_list(), to_resolve(no_json),
                               to_resolve(member), to_whoami(), to_hello()});
  REQUIRE(answers[0] == canary);
  std::string outputs;
  for (std::size_t i = 1; i < answers.size(); ++i) {
    outputs += answers[i] + "\n";
  }
  // A rotation, a bad one and its repair, so that each of them is logged.
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"good", canary + "2"}, {"json", "{" + canary}}));
  daemon.write_manifest("bad.yaml",
                        "kind: Secret\nmetadata: {name: iomete-secret-store-sales}\nstringData: {a: " + canary + "}\n");
  REQUIRE(eventually([&] { return ask_as(::getuid(), daemon.socket(), {to_resolve(good)})[0] == canary + "2"; }));
  for (const char* target : {"/healthz", "/readyz", "/v1/status", "/v1/cache", "/v1/nothing"}) {
    outputs += daemon.http(target).second;
  }
  const std::string socket = daemon.socket();
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"list"}, {"list", "--format", "json"}, {"whoami"}, {"check", "good"}, {"get", "good", "--field", "x"}}) {
    std::vector<std::string> command{TANTALUS, "--socket", socket};
    command.insert(command.end(), words.begin(), words.end());
    const Finished finished = run({.words = command});
    outputs += finished.out + finished.err;
  }
  CHECK(read_all("/proc/" + std::to_string(daemon.pid()) + "/cmdline").find(canary) == std::string::npos);
  CHECK(daemon.stop() == 0);
  outputs += daemon.log() + read_all(daemon.audit());
  CHECK(daemon.log().find("bad.yaml") != std::string::npos);
  for (const std::string& form : forms_of(canary)) {
    INFO(form);
    CHECK(outputs.find(form) == std::string::npos);
  }
  // Nothing but what the test wrote itself is on the disk.
  for (const auto& file : std::filesystem::recursive_directory_iterator(daemon.dir())) {
    if (file.is_regular_file() && !file.path().string().starts_with(daemon.secrets())) {
      INFO(file.path().string());
      CHECK(read_all(file.path().string()).find(canary) == std::string::npos);
    }
  }
}
