// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

struct stat;

namespace tantalus {

/// What tells, without reading, that a file may hold other bytes than before.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = -1;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) noexcept = default;
};

/// Why a path can't be used, in our own words.
[[nodiscard]] std::string words_for_errno(int error);
[[nodiscard]] FileStamp stamp_of(const struct stat& status) noexcept;
/// Of what a path leads to; a default one when it leads nowhere.
[[nodiscard]] FileStamp stamp_of(const std::string& path) noexcept;

/// A manifest by its name; whether it is one is seen when it is read.
struct FoundFile {
  std::string name;
  FileStamp stamp;  ///< A default one: a link that leads nowhere.
  bool others_may_read = false;
};

/// Looks through a directory, a few names at a time: `*.yaml`, `*.yml`, `*.json`, no dot-names, through symbolic links.
/// Reads no file. Also tells which directories must be watched so that no change goes unseen: the directory itself, its
/// parent, and each that holds a link on the way to it or to one of its files, or a file that a link leads to.
class DirectoryScan {
 public:
  DirectoryScan(std::string directory, std::size_t max_files);

  /// Looks at up to `names` more. True: done.
  bool step(std::size_t names);

  /// Why the directory itself can't be read; empty: it was.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] const std::vector<FoundFile>& files() const noexcept { return files_; }  ///< By name.
  [[nodiscard]] const std::set<std::string>& to_watch() const noexcept { return to_watch_; }
  [[nodiscard]] const FileStamp& stamp() const noexcept { return stamp_; }  ///< Of the directory, before it was read.

 private:
  bool read_names();
  void look_at(const std::string& name);

  std::string directory_;
  std::size_t max_files_;
  std::string problem_;
  FileStamp stamp_;
  std::vector<std::string> names_;  // By name, the last first.
  bool read_ = false;
  std::vector<FoundFile> files_;
  std::set<std::string> to_watch_;
};

/// Puts into `to` each directory whose entries decide where an absolute path leads, from the first link on, and the one
/// that holds its end; where it leads nowhere, the last one there is.
void add_directories_on_the_way(const std::string& path, std::set<std::string>& to);

}  // namespace tantalus
