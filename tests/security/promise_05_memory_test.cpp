// SPDX-License-Identifier: Apache-2.0
// Where values lie in the real daemon's memory, as root sees it from outside.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "tests/support/ask.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/command.h"
#include "tests/support/daemon.h"
#include "tests/support/memory_scan.h"
#include "tests/support/wire_client.h"

using namespace tantalus;
using namespace tantalus::test;

namespace {

std::string random_text() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 24; ++i) {
    text += static_cast<char>('a' + random() % 26);
  }
  return text;
}

std::string encode(const std::string& bytes) {
  return run({.words = {"base64", "-w", "0"}, .input = bytes}).out;
}

std::string key_of(int i) {
  char key[16];
  std::snprintf(key, sizeof key, "key-%04d", i);
  return key;
}

/// A thousand values that all hold `canary`, in every way that a manifest can hold them.
void write_store(Daemon& daemon, const std::string& canary) {
  std::string plain = "kind: Secret\nmetadata: {name: iomete-secret-store-ops}\nstringData:\n";
  for (int i = 0; i < 400; ++i) {
    plain += "  " + key_of(i) + ": " + (i % 2 == 0 ? "\"" : "") + canary + "-" + std::to_string(i) +
             (i % 2 == 0 ? "\\t\"" : "") + "\n";
  }
  plain +=
      "  block: |\n    first\n    " + canary + "\n  json: '{\"password\": \"" + canary + "\\n\", \"n\": 1}'\ndata:\n";
  // Of one length, so that one text of base64 can be searched for in all.
  for (int i = 400; i < 700; ++i) {
    plain += "  " + key_of(i) + ": " + encode(canary + "-" + std::to_string(i)) + "\n";
  }
  daemon.write_manifest("ops.yaml", plain);
  std::string json = R"({"kind": "Secret", "metadata": {"name": "iomete-secret-store"}, "stringData": {)";
  for (int i = 700; i < 1000; ++i) {
    json += (i == 700 ? "" : ", ") + ("\"" + key_of(i) + "\": \"" + canary + "\\u0041" + std::to_string(i) + "\"");
  }
  daemon.write_manifest("global.json", json + "}}");
}

void resolve_all(WireClient& client, const std::string& canary) {
  for (int i = 0; i < 1000; ++i) {
    client.send(resolve_request(static_cast<std::uint32_t>(i), key_of(i), std::nullopt,
                                i < 700 ? Scope::domain : Scope::global));
    const auto reply = client.receive();
    REQUIRE(reply.has_value());
    INFO(key_of(i) << ": " << reply->code());
    REQUIRE(reply->value().find(canary) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("the scan finds a copy that lies in ordinary memory, in each form", "[promise-5]") {
  const std::string canary = random_text();
  const auto forms = forms_of(canary);
  for (std::size_t form = 0; form < forms.size(); ++form) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      // What is planted has something before it, so that each alignment of base64 comes up.
      auto planted =
          std::make_unique<std::string>(form == 0 ? "x" + canary : "x" + encode(std::string(form - 1, 'y') + canary));
      (void)!::write(ready[1], planted->data(), 1);
      ::pause();
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    const MemoryScan scan = scan_memory(child, {forms[form]}, false);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    CHECK_FALSE(scan.found.empty());
  }
}

TEST_CASE("after a thousand resolves no value lies outside locked memory", "[promise-5][promise-6][trap-66]") {
  if (::geteuid() != 0) {
    SKIP("needs root to read another process's memory");
  }
  const std::string canary = random_text();
  for (const bool memfd_secret : {true, false}) {
    INFO((memfd_secret ? "memfd_secret" : "mlock"));
    Daemon::Options options;
    if (!memfd_secret) {
      options.wrapper = {DENY_CALL, "memfd_secret"};
    }
    Daemon daemon(options);
    write_store(daemon, canary);
    REQUIRE(daemon.start());
    CHECK(daemon.http("/v1/status").second.find(memfd_secret ? "\"memfd_secret\"" : "\"mlock\"") != std::string::npos);
    {
      WireClient client(daemon.socket());
      resolve_all(client, canary);
      Reference member;
      member.key = "json";
      member.field = "password";
      const auto got = ask_as(0, daemon.socket(), {to_resolve(member), to_list(), to_explain(member)});
      CHECK(got[0] == canary + "\n");
      write_store(daemon, canary);  // Read again, from the start.
      resolve_all(client, canary);
      const MemoryScan scan = scan_memory(daemon.pid(), forms_of(canary), false);
      CHECK(scan.scanned > 1'000'000);
      for (const std::string& place : scan.found) {
        FAIL_CHECK(place);
      }
      // The arena itself: not to be read at all, or there and full of values.
      const MemoryScan with_locked = scan_memory(daemon.pid(), forms_of(canary), true);
      CHECK((memfd_secret ? with_locked.unreadable > 0 && with_locked.found.empty() : !with_locked.found.empty()));
    }
    if (!memfd_secret) {
      std::filesystem::remove(daemon.secrets() + "/ops.yaml");
      std::filesystem::remove(daemon.secrets() + "/global.json");
      WireClient client(daemon.socket());
      REQUIRE(eventually([&] {
        client.send(resolve_request(1, key_of(1), Millis{0}));
        return client.receive()->code() == "not_found";
      }));
      CHECK(daemon.http("/v1/cache", {"-X", "DELETE"}).first == 200);
      const MemoryScan after = scan_memory(daemon.pid(), forms_of(canary), true);
      for (const std::string& place : after.found) {
        FAIL_CHECK("after the flush: " + place);
      }
    }
    CHECK(daemon.stop() == 0);
  }
}
