// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/async/gate.h"
#include "backends/backend.h"
#include "backends/file/files.h"
#include "backends/file/fingerprint.h"
#include "backends/file/objects.h"
#include "backends/io.h"
#include "cache/arena.h"
#include "protocol/limits.h"

namespace tantalus {

/// Kubernetes Secret manifests in a directory (docs/configuration.md, "File backend"). What they say last is held in
/// locked memory and watched; one that can't be read or parsed takes its objects down until it is mended.
///
/// Io, arena and listener outlive it; it outlives its tasks and every Answer. Loop thread only.
class FileSecrets final : public Backend {
 public:
  struct Options {
    std::string directory;
    std::string store;  ///< Objects are called `<store>` (global) and `<store>-<object>`.
    std::size_t max_value = limits::max_value;
    std::size_t max_files = 4096;
    Slice slice;
    Millis poll{2'000};  ///< How often it looks when nothing can be watched.
  };

  /// A line for the log: no value, no piece of a file's text.
  struct Note {
    bool is_warning;
    std::string text;
  };
  using NoteSink = std::move_only_function<void(const Note&)>;

  /// Fails with `overloaded` when locked memory has no room.
  [[nodiscard]] static Result<std::unique_ptr<FileSecrets>> make(Io& io, Arena& arena, Options options, NoteSink notes);
  FileSecrets(const FileSecrets&) = delete;
  FileSecrets& operator=(const FileSecrets&) = delete;
  ~FileSecrets() override;

  /// Who hears of changes, from run() on. Null: nobody.
  void set_listener(ChangeListener* listener) noexcept { listener_ = listener; }

  /// Reads everything for the first time. Ends also where nothing could be read: then what is asked for is unavailable.
  [[nodiscard]] Task<void> load(Cancel& cancel);
  /// Follows the files until `cancel` fires. After load(), once.
  [[nodiscard]] Task<void> run(Cancel& cancel);
  /// Whether run() has begun and not ended: it must end before the backend is destroyed.
  [[nodiscard]] bool is_running() const noexcept { return running_; }

  [[nodiscard]] Source source() const noexcept override { return Source::file; }
  /// Answers from memory when the file looks as it did when it was read; else it waits for the reading, so that who
  /// asks after a write gets what was written.
  [[nodiscard]] Task<Result<Answer>> fetch(StoredGrant grant, Instant deadline, Cancel& cancel) override;
  [[nodiscard]] Task<Result<std::vector<CatalogEntry>>> list(DomainId domain, std::string object, Instant deadline,
                                                             Cancel& cancel) override;
  [[nodiscard]] BackendState state(std::string_view object) const override;

 private:
  class Wake;
  /// What the log knows of a file.
  struct Told {
    std::string why_not;
    bool others_may_read = false;
  };

  FileSecrets(Io& io, Arena& arena, Options options, NoteSink notes, Fingerprinter fingerprinter);
  Task<void> look(bool first, Cancel& cancel);
  Task<void> wait(Cancel& cancel);
  Task<void> ring(Instant when, std::shared_ptr<Cancel> stop, std::shared_ptr<Cancel> wake);
  Task<void> catch_up(std::string object, Instant deadline, Cancel& cancel);
  void watch(const DirectoryScan& scan);
  void set_watch_problem(std::string problem);
  void note_skipped(const std::map<std::string, LoadedFile>& loaded);
  void note_files();
  void tell(const std::vector<ObjectTable::Change>& changes);
  void note(bool is_warning, std::string text);
  void poke() noexcept;
  [[nodiscard]] std::string path_of(const std::string& file) const { return options_.directory + "/" + file; }
  [[nodiscard]] bool is_current(std::string_view object) const;
  [[nodiscard]] bool looks_the_same(const std::string& name, const FileTable::File& file) const;
  [[nodiscard]] std::string in_place(const std::string& name, const FileTable::File& file) const;
  [[nodiscard]] std::optional<Error> refuse_object(const ObjectTable::Object* object) const;
  [[nodiscard]] Result<Answer> answer(const StoredGrant& grant);
  [[nodiscard]] bool is_watched() const noexcept { return watch_ != nullptr && watch_problem_.empty(); }

  Io& io_;
  Arena& arena_;
  Options options_;
  NoteSink notes_;
  Fingerprinter fingerprinter_;
  ObjectTable objects_;
  FileTable files_;
  ChangeListener* listener_ = nullptr;

  std::unique_ptr<PathWatch> watch_;
  std::vector<std::pair<std::string, std::uint64_t>> attached_;  // Directories that are watched, and their inodes.
  std::string watch_problem_;                                    // Empty: all that matters is watched.
  std::string directory_problem_;                                // Empty: it can be read.
  FileStamp directory_stamp_;
  Instant since_;  // Of the directory's state.
  std::map<std::string, Told> told_;
  bool health_changed_ = false;
  bool look_again_ = false;
  bool running_ = false;
  std::shared_ptr<Cancel> wake_;  // Ends the wait under way. Shared with who fires it, as that ends the wait's frame.
  Gate alarms_;
};

}  // namespace tantalus
