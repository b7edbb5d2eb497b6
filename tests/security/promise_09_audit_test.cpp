// SPDX-License-Identifier: Apache-2.0
// The trail of the real daemon: on a full disk, over a restart, and after somebody edited it.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/command.h"
#include "tests/support/daemon.h"

using namespace tantalus;
using namespace tantalus::test;

namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

Finished verify(const std::string& path) {
  return run({.words = {TANTALUS, "audit", "verify", path}});
}

}  // namespace

TEST_CASE("on a full disk nothing is answered, and it heals by itself", "[promise-9]") {
  if (::geteuid() != 0) {
    SKIP("needs root to mount a small disk");
  }
  Daemon daemon;
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  const std::string disk = daemon.dir() + "/audit";
  std::filesystem::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    SKIP("this machine mounts no tmpfs");
  }
  {
    REQUIRE(daemon.start());
    Reference reference;
    reference.key = "k";
    CHECK(ask_as(0, daemon.socket(), {to_resolve(reference)})[0] == "v");
    const std::string ballast = disk + "/ballast";
    std::ofstream(ballast) << std::string(128 * 1024, 'x');
    std::string answer;
    CHECK(eventually([&] {
      answer = ask_as(0, daemon.socket(), {to_resolve(reference)})[0];
      return answer.starts_with("!unavailable");
    }));
    const std::size_t before = lines_of(daemon.audit()).size();
    CHECK(ask_as(0, daemon.socket(), {to_resolve(reference)})[0].starts_with("!unavailable"));
    CHECK(daemon.http("/readyz").first == 503);
    CHECK(lines_of(daemon.audit()).size() == before);
    std::filesystem::remove(ballast);
    CHECK(ask_as(0, daemon.socket(), {to_resolve(reference)})[0] == "v");
    CHECK(daemon.stop() == 0);
    CHECK(verify(daemon.audit()).exit_code == 0);
  }
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_CASE("the chain goes on over a restart, and an edit is found", "[promise-9]") {
  Daemon daemon;
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  Reference reference;
  reference.key = "k";
  for (int i = 0; i < 2; ++i) {
    REQUIRE(daemon.start());
    (void)ask_as(::getuid(), daemon.socket(), {to_resolve(reference), to_list(), to_explain(reference)});
    CHECK(daemon.stop() == 0);
  }
  CHECK(verify(daemon.audit()).exit_code == 0);
  std::vector<std::string> lines = lines_of(daemon.audit());
  REQUIRE(lines.size() >= 10);
  const auto with = [&](const std::vector<std::string>& edited) {
    const std::string path = daemon.dir() + "/edited.jsonl";
    std::ofstream file(path);
    for (const std::string& line : edited) {
      file << line << '\n';
    }
    file.close();
    return verify(path).exit_code;
  };
  CHECK(with(lines) == 0);
  std::vector<std::string> changed = lines;
  changed[3].replace(changed[3].find("\"pid\":"), 6, "\"pid\":1");
  CHECK(with(changed) == 1);
  std::vector<std::string> cut = lines;
  cut.erase(cut.begin() + 4);
  CHECK(with(cut) == 1);
  std::vector<std::string> doubled = lines;
  doubled.insert(doubled.begin() + 5, lines[5]);
  CHECK(with(doubled) == 1);
}
