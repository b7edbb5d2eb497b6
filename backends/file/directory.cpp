// SPDX-License-Identifier: Apache-2.0
#include "backends/file/directory.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>

namespace tantalus {
namespace {

constexpr int max_links = 40;  // As the kernel's (path_resolution(7)).

constexpr std::int64_t nanoseconds(const timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool is_manifest_name(std::string_view name) noexcept {
  return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

/// A path's names, the empty ones and the dots left out.
std::deque<std::string> names_of(std::string_view path) {
  std::deque<std::string> names;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (!name.empty() && name != ".") {
      names.emplace_back(name);
    }
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return names;
}

std::string joined(const std::string& directory, const std::string& name) {
  return directory == "/" ? directory + name : directory + "/" + name;
}

/// Unset: not a link.
std::optional<std::string> target_of(const std::string& link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  if (size < 0) {
    return std::nullopt;
  }
  return std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace

std::string words_for_errno(int error) {
  switch (error) {
    case ENOENT:
      return "it doesn't exist";
    case ENOTDIR:
      return "it is no directory";
    case EACCES:
      return "permission denied";
    case ELOOP:
      return "too many symbolic links";
    case EMFILE:
    case ENFILE:
      return "no file descriptors are left";
    default:
      return "error " + std::to_string(error);
  }
}

FileStamp stamp_of(const struct stat& status) noexcept {
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::int64_t>(status.st_size), nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

FileStamp stamp_of(const std::string& path) noexcept {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp{};
}

DirectoryScan::DirectoryScan(std::string directory, std::size_t max_files)
    : directory_(std::move(directory)), max_files_(max_files) {}

bool DirectoryScan::step(std::size_t names) {
  if (!read_) {
    read_ = true;
    if (!read_names()) {
      return true;
    }
  }
  for (; names != 0 && !names_.empty(); --names) {
    look_at(names_.back());
    names_.pop_back();
  }
  return names_.empty();
}

bool DirectoryScan::read_names() {
  add_directories_on_the_way(directory_, to_watch_);
  stamp_ = stamp_of(directory_);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(directory_.c_str()), closedir);
  if (directory == nullptr) {
    problem_ = words_for_errno(errno);
    return false;
  }
  // The directory as the kernel names it, so that a link on the way is told by its own directory.
  to_watch_.insert(target_of("/proc/self/fd/" + std::to_string(dirfd(directory.get()))).value_or(directory_));
  errno = 0;
  while (const dirent* entry = readdir(directory.get())) {
    if (!is_manifest_name(static_cast<const char*>(entry->d_name))) {
      continue;
    }
    if (names_.size() == max_files_) {
      problem_ = "more than " + std::to_string(max_files_) + " manifests are in it";
      return false;
    }
    names_.emplace_back(static_cast<const char*>(entry->d_name));
  }
  if (errno != 0) {
    problem_ = words_for_errno(errno);
    return false;
  }
  std::ranges::sort(names_, std::greater{});
  return true;
}

void DirectoryScan::look_at(const std::string& name) {
  const std::string path = joined(directory_, name);
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    return;  // Gone since its name was read.
  }
  FoundFile found;
  found.name = name;
  if (S_ISLNK(status.st_mode)) {
    add_directories_on_the_way(path, to_watch_);
    if (stat(path.c_str(), &status) != 0) {
      files_.push_back(std::move(found));
      return;
    }
  }
  found.stamp = stamp_of(status);
  found.others_may_read = (status.st_mode & S_IROTH) != 0;
  files_.push_back(std::move(found));
}

void add_directories_on_the_way(const std::string& path, std::set<std::string>& to) {
  std::deque<std::string> ahead = names_of(path);
  std::string at = "/";
  int links = 0;
  while (!ahead.empty()) {
    const std::string name = std::move(ahead.front());
    ahead.pop_front();
    if (name == "..") {
      at = at.substr(0, std::max<std::size_t>(at.rfind('/'), 1));
      continue;
    }
    const std::string next = joined(at, name);
    struct stat status{};
    if (lstat(next.c_str(), &status) != 0 || ahead.empty()) {
      to.insert(at);
    }
    if (status.st_mode == 0) {
      return;
    }
    if (!S_ISLNK(status.st_mode)) {
      at = next;
      continue;
    }
    to.insert(at);
    const std::optional<std::string> target = target_of(next);
    if (!target || ++links > max_links) {
      return;
    }
    const std::deque<std::string> more = names_of(*target);
    ahead.insert(ahead.begin(), more.begin(), more.end());
    if (target->starts_with('/')) {
      at = "/";
    }
  }
}

}  // namespace tantalus
