// SPDX-License-Identifier: Apache-2.0
// Every corpus of the fuzzers, and random bytes, thrown at the real daemon.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/daemon.h"
#include "tests/support/wire_client.h"

using namespace std::chrono_literals;
using namespace tantalus;
using namespace tantalus::test;

namespace {

void throw_at(const std::string& socket, const std::string& bytes) {
  WireClient client(socket);
  try {
    client.send(bytes);
    client.shut_write();
    (void)client.is_ended(5s);
  } catch (const std::exception&) {
    // It closed while we sent, as it may.
  }
}

std::size_t resident_kib(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:")) {
      return std::stoul(line.substr(8));
    }
  }
  return 0;
}

}  // namespace

TEST_CASE("whatever bytes come, the daemon serves on and does not grow", "[promise-14][trap-27][trap-37]") {
  Daemon daemon;
  daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"k", "v"}}));
  REQUIRE(daemon.start());
  Reference reference;
  reference.key = "k";
  REQUIRE(ask_as(::getuid(), daemon.socket(), {to_resolve(reference)})[0] == "v");
  std::size_t thrown = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(CORPUS)) {
    if (file.is_regular_file() && file.file_size() < 300'000) {
      std::ifstream in(file.path(), std::ios::binary);
      throw_at(daemon.socket(), {std::istreambuf_iterator<char>(in), {}});
      ++thrown;
    }
  }
  CHECK(thrown > 50);
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const std::size_t before = resident_kib(daemon.pid());
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random() % 2000, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
    if (i % 2 == 0) {
      bytes.insert(0, std::string("\x94\x00\x01\xa7resolve\x91", 12));
    }
    throw_at(daemon.socket(), bytes);
  }
  // The address sanitizer keeps what is freed for a while.
  const std::size_t room = __has_feature(address_sanitizer) ? 64 * 1024 : 2048;
  CHECK(resident_kib(daemon.pid()) < before + room);
  CHECK(ask_as(::getuid(), daemon.socket(), {to_resolve(reference)})[0] == "v");
  CHECK(daemon.stop() == 0);
}
