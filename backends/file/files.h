// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/file/directory.h"
#include "backends/file/load.h"
#include "backends/file/objects.h"
#include "protocol/instant.h"

namespace tantalus {

/// The manifests of a directory: what is known of each file, when it is to be read, and which of them are in force. A
/// file is read once it has settled: a writer that truncates and rewrites is not caught in the middle, and what is
/// written after the reading has another time.
class FileTable {
 public:
  struct Options {
    std::string store;
    std::size_t max_objects = 16384;
    Millis settle{50};           ///< How long a file must look the same before it is read.
    Millis settle_nothing{500};  ///< The same for one that became empty or went away.
    Millis give_up{5'000};       ///< One that changes for longer is refused until it settles.
    Millis retry{1'000};         ///< After which one that found no room is read again; each time twice as long,
    Millis retry_most{300'000};  ///< as it makes the cache give up values for it.
  };

  struct File {
    FileStamp stamp;  ///< Of the state that was read, or refused unread.
    bool was_read = false;
    bool again = false;     ///< To be read although it looks the same.
    bool in_force = false;  ///< Its objects are served.
    bool others_may_read = false;
    std::string refusal;   ///< Of itself; empty: none.
    std::string conflict;  ///< With another file; empty: none.
    std::optional<Instant> retry_at;
    Millis retry_after{0};
    std::vector<std::string> objects;  ///< Suffixes, of the last time that it could be read.
    struct Pending {
      FileStamp stamp;
      Instant begun;
      Instant due;
      bool gone = false;      ///< The scan didn't find it.
      bool hopeless = false;  ///< It changes all the time: to be refused unread.
    };
    std::optional<Pending> pending;

    [[nodiscard]] const std::string& why_not() const noexcept { return refusal.empty() ? conflict : refusal; }
  };

  FileTable(Options options, ObjectTable& objects) : options_(std::move(options)), objects_(objects) {}

  /// Takes note of what a scan found. `at_once`: nothing waits for its settling.
  void observe(const DirectoryScan& scan, bool at_once, Instant now);
  /// The files to be read now, by name.
  [[nodiscard]] std::vector<std::string> due(Instant now) const;
  /// The earliest time at which a file may be due; unset: none waits.
  [[nodiscard]] std::optional<Instant> next_due() const;
  /// Puts in force what was read, together: an object may move from one file to another.
  [[nodiscard]] std::vector<ObjectTable::Change> apply(std::map<std::string, LoadedFile> loaded, Instant now);
  /// The directory can't be read: nothing is known any more.
  void lose_all(Instant now);

  [[nodiscard]] const std::map<std::string, File>& all() const noexcept { return files_; }
  /// A file that isn't in force, so that an object that is in no other may be in it.
  [[nodiscard]] const std::pair<const std::string, File>* first_refused() const noexcept;
  /// The same for one object: rather a file in which it stood when it could be read last.
  [[nodiscard]] const std::pair<const std::string, File>* refused_for(std::string_view object) const noexcept;

 private:
  void observe_one(const FoundFile& found, bool at_once, Instant now);
  bool take(const std::string& name, LoadedFile& loaded, Instant now);
  void find_conflicts(const std::map<std::string, LoadedFile>& loaded);
  void serve(const std::string& name, LoadedFile& loaded, Instant now, std::vector<ObjectTable::Change>& changes);
  void settle_objects(Instant now, std::vector<ObjectTable::Change>& changes);
  [[nodiscard]] std::string suffix_of(const std::string& object) const;

  Options options_;
  ObjectTable& objects_;
  std::map<std::string, File> files_;
};

}  // namespace tantalus
