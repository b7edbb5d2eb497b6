// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/async/gate.h"
#include "backends/file/secrets.h"
#include "tests/support/catch.h"
#include "tests/support/grant_maker.h"
#include "tests/support/sim_io.h"
#include "tests/support/temp_dir.h"

namespace tantalus::test {

inline std::string text_of(const Secret& value) {
  const std::span<const std::byte> bytes = value.expose();
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

inline std::unique_ptr<Arena> arena_of(std::size_t bytes) {
  Result<std::unique_ptr<Arena>> made = Arena::make({.bytes = bytes});
  REQUIRE(made);
  return std::move(*made);
}

/// A file backend over a real folder, in virtual time: the test tells what inotify would.
class FileWorld final : public ChangeListener {
 public:
  explicit FileWorld(std::size_t arena_bytes = std::size_t{4} << 20U) : arena(arena_of(arena_bytes)) {
    std::filesystem::create_directory(directory());
    options.directory = directory();
    options.store = "s";
  }
  FileWorld(const FileWorld&) = delete;
  FileWorld& operator=(const FileWorld&) = delete;
  ~FileWorld() { stop(); }

  [[nodiscard]] std::string directory() const { return root / "secrets"; }
  [[nodiscard]] std::string path(const std::string& name) const { return directory() + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::trunc | std::ios::binary) << text;
    chmod(path(name).c_str(), 0600);
  }
  /// As kubectl would write it.
  [[nodiscard]] static std::string manifest(const std::string& object, const std::string& key,
                                            const std::string& value) {
    return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: " + object + "\nstringData:\n  " + key + ": \"" + value +
           "\"\n";
  }

  void start() {
    Result<std::unique_ptr<FileSecrets>> made =
        FileSecrets::make(io, *arena, options, [this](const FileSecrets::Note& note) { notes.push_back(note); });
    REQUIRE(made);
    secrets = std::move(*made);
    secrets->set_listener(this);
    end = std::make_unique<Cancel>();
    gate = std::make_unique<Gate>();
    gate->enter(secrets->load(*end));
    io.run_for(Millis{1});
    gate->sweep();
    REQUIRE(gate->in_flight() == 0);
    gate->enter(secrets->run(*end));
    io.run_for(Millis{100});
  }
  void stop() {
    if (gate != nullptr) {
      end->cancel();
      gate->sweep();
      CHECK(gate->in_flight() == 0);
    }
    gate.reset();
    secrets.reset();
  }
  /// What inotify says after a change in the folder, and time for it to be read.
  void settle(Millis time = Millis{200}) {
    io.touch(directory());
    io.run_for(time);
  }

  Result<Answer> fetch(const std::string& object, const std::string& key, const std::string& field = {},
                       Millis wait = Millis{0}) {
    const StoredGrant grant(Policy::grant({.source = Source::file, .object = object, .key = key, .field = field}));
    Task<Result<Answer>> task = secrets->fetch(grant, io.now() + wait, never);
    task.start();
    for (Millis waited{0}; !task.is_done() && waited <= wait + Millis{10}; waited += Millis{1}) {
      io.run_for(Millis{1});
    }
    REQUIRE(task.is_done());
    return task.take();
  }
  /// The value, or the error's code.
  std::string get(const std::string& object, const std::string& key, const std::string& field = {}) {
    const Result<Answer> answer = fetch(object, key, field);
    return answer ? text_of(answer->value) : std::string(to_text(answer.error().code));
  }
  std::string version(const std::string& object, const std::string& key) {
    const Result<Answer> answer = fetch(object, key);
    return answer ? answer->version : std::string(to_text(answer.error().code));
  }
  bool noted(const std::string& text) const {
    for (const FileSecrets::Note& note : notes) {
      if (note.text.find(text) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

  void on_value_changed(Source source, IntegrationId, std::string_view object, std::string_view key) override {
    CHECK(source == Source::file);
    changes.push_back(std::string(object) + "/" + std::string(key));
  }
  void on_health_changed(Source) override { ++health_changes; }
  std::vector<std::string> take_changes() { return std::exchange(changes, {}); }

  TempDir root;
  SimIo io;
  std::unique_ptr<Arena> arena;
  FileSecrets::Options options;
  std::vector<FileSecrets::Note> notes;
  std::vector<std::string> changes;
  int health_changes = 0;
  Cancel never;
  std::unique_ptr<Cancel> end;
  std::unique_ptr<FileSecrets> secrets;
  std::unique_ptr<Gate> gate;
};

}  // namespace tantalus::test
