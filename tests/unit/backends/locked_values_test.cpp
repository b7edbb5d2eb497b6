// SPDX-License-Identifier: Apache-2.0
// Where the bytes of manifests go: to locked memory and nowhere else, and never to a wrong value when there is no room.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <vector>

#include "backends/codec/yaml_events.h"
#include "cache/scoped_malloc.h"
#include "tests/support/file_secrets_world.h"
#include "tests/support/memory_scan.h"

namespace tantalus {
namespace {

/// A value of its own for each way to write one, made where it is called and nowhere kept.
std::string canary(char letter) {
  std::string made = "canary-";
  made.append(24, letter);
  return made + "-of-the-manifest";
}

std::string base64(const std::string& bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : letters[group >> (18U - 6U * k) & 63U];
    }
  }
  return text;
}

void write_manifests(const std::string& directory) {
  std::ofstream yaml(directory + "/a.yaml");
  yaml << "kind: Secret\nmetadata:\n  name: s-a\n  annotations:\n    last: '{\"data\": \"" << canary('a') << "\"}'\n"
       << "stringData:\n  plain: " << canary('b') << "\n  single: '" << canary('c') << "''x'\n  double: \""
       << canary('d') << "\\n\"\n  literal: |\n    " << canary('e') << "\n    second\n  folded: >-\n    " << canary('f')
       << "\n    second\n  long: " << canary('g') << "\n    continued\n  json: '{\"m\": \"" << canary('h')
       << "\"}'\ndata:\n  encoded: " << base64(canary('i')) << "\n";
  std::ofstream json(directory + "/b.json");
  json << R"({"kind":"Secret","metadata":{"name":"s-b"},"stringData":{"k":")" << canary('j')
       << R"(\u0041"},"data":{"l":")" << base64(canary('k')) << "\"}}";
  std::ofstream flow(directory + "/c.yaml");
  flow << "{kind: Secret, metadata: {name: s-c}, stringData: {k: " << canary('l') << "}}";
  std::ofstream bad(directory + "/d.yaml");
  bad << "kind: Secret\nmetadata: {name: s-d}\nstringData:\n  k: " << canary('m') << ": x\n";
  std::ofstream twice(directory + "/e.yaml");
  twice << "kind: Secret\nmetadata: {name: s-e}\nstringData:\n  " << canary('n') << ": x\n  " << canary('n') << ": y\n";
}

/// Loads them and hands out every value, then waits to be looked at.
[[noreturn]] void hold_values(const std::string& directory, int ready, int go) {
  char byte = 0;
  test::SimIo io;
  Result<std::unique_ptr<Arena>> arena = Arena::make({.bytes = std::size_t{2} << 20U});
  if (!arena || read(go, &byte, 1) != 1) {
    _exit(2);
  }
  FileSecrets::Options options;
  options.directory = directory;
  options.store = "s";
  Result<std::unique_ptr<FileSecrets>> made = FileSecrets::make(io, **arena, options, {});
  Cancel never;
  Gate gate;
  gate.enter((*made)->load(never));
  while (io.run_one()) {
  }
  std::vector<Answer> answers;
  for (const auto& [object, key, field] : {std::array<std::string_view, 3>{"a", "plain", ""},
                                           {"a", "single", ""},
                                           {"a", "double", ""},
                                           {"a", "literal", ""},
                                           {"a", "folded", ""},
                                           {"a", "long", ""},
                                           {"a", "json", "m"},
                                           {"a", "encoded", ""},
                                           {"b", "k", ""},
                                           {"b", "l", ""},
                                           {"c", "k", ""}}) {
    const StoredGrant grant(Policy::grant({.source = Source::file, .object = object, .key = key, .field = field}));
    Task<Result<Answer>> task = (*made)->fetch(grant, io.now(), never);
    task.start();
    Result<Answer> answer = task.take();
    if (!answer) {
      _exit(3);
    }
    answers.push_back(std::move(*answer));
  }
  byte = static_cast<char>(answers.size());
  if (write(ready, &byte, 1) != 1) {
    _exit(4);
  }
  static_cast<void>(read(go, &byte, 1));
  _exit(0);
}

TEST_CASE("no byte of a manifest's values stands anywhere but in locked memory", "[promise-5][promise-6][trap-137]") {
  if (!LockedMallocScope::is_effective()) {
    SUCCEED("not with this malloc");
    return;
  }
  test::TempDir directory;
  std::array<int, 2> ready{};
  std::array<int, 2> go{};
  REQUIRE(pipe(ready.data()) == 0);
  REQUIRE(pipe(go.data()) == 0);
  // Before this process has seen any of the values.
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ready[0]);
    close(go[1]);
    hold_values(directory.path(), ready[1], go[0]);
  }
  close(ready[1]);
  close(go[0]);
  write_manifests(directory.path());
  REQUIRE(write(go[1], "x", 1) == 1);
  char held = 0;
  REQUIRE(read(ready[0], &held, 1) == 1);
  CHECK(held == 11);
  for (char letter = 'a'; letter <= 'n'; ++letter) {
    const test::MemoryScan scan = test::scan_memory(child, test::forms_of(canary(letter)), false);
    INFO(letter);
    CHECK(scan.scanned > 0);
    for (const std::string& where : scan.found) {
      UNSCOPED_INFO(where);
    }
    CHECK(scan.found.empty());
  }
  // What would be found: the name of a key that is no secret.
  CHECK_FALSE(test::scan_memory(child, {"s-a"}, false).found.empty());
  close(go[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  close(ready[0]);
}

/// The text of every scalar, or nothing where there was no room.
std::optional<std::string> scalars_of(std::string_view text, Arena& arena) {
  std::string all;
  yaml::EventStream stream(text, 64, &arena);
  while (true) {
    const Parsed<ParseEvent> event = stream.next();
    if (!event) {
      CHECK(event.error().no_room);
      return std::nullopt;
    }
    if (event->kind == ParseEvent::Kind::stream_end) {
      return all;
    }
    all += event->text;
    all += ';';
  }
}

TEST_CASE("a parse that runs out of locked memory fails, whatever step it is at, and never gives a wrong text") {
  const std::string text =
      "a: plain text\n\"b\": 'it''s'\nc: \"x\\ty\"\nd: |\n  one\n   two\n\ne: >\n  one\n  two\n\n  three\n" +
      std::string("f: {g: [h, !!str i, 'j\n    k']}\nl: m\n   n\n# end\nlong: '") + std::string(3000, 'q') +
      "'\nblock: |\n  " + std::string(3000, 'r') + "\n";
  const std::optional<std::string> whole = scalars_of(text, *test::arena_of(std::size_t{1} << 20U));
  REQUIRE(whole);
  // The arena is filled but for a rest, which grows until it is enough.
  const std::unique_ptr<Arena> arena = test::arena_of(std::size_t{256} << 10U);
  std::vector<void*> filler;
  while (void* block = arena->allocate_without_reclaim(64)) {
    filler.push_back(block);
  }
  int failures = 0;
  int successes = 0;
  while (successes < 3 && !filler.empty()) {
    const std::size_t before = arena->usage().blocks;
    const std::optional<std::string> made = scalars_of(text, *arena);
    failures += made ? 0 : 1;
    successes += made ? 1 : 0;
    if (made) {
      CHECK(*made == *whole);
    }
    REQUIRE(arena->usage().blocks == before);
    for (int i = 0; i < 4 && !filler.empty(); ++i) {
      arena->free(filler.back());
      filler.pop_back();
    }
  }
  CHECK(failures > 3);
  CHECK(successes == 3);
  for (void* block : filler) {
    arena->free(block);
  }
}

}  // namespace
}  // namespace tantalus
