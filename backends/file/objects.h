// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/file/directory.h"
#include "backends/file/fingerprint.h"
#include "backends/file/manifest.h"
#include "cache/answer.h"
#include "cache/secret.h"
#include "protocol/instant.h"

namespace tantalus {

/// What the manifests said last, object by object, by the suffix of its name. Served objects have their values here;
/// of one whose manifest was refused only fingerprints and versions stay, so that what comes back unchanged is known.
class ObjectTable {
 public:
  enum class State : std::uint8_t { absent, served, down };

  struct Value {
    Fingerprint print;
    std::string version;          ///< `<mtime ns>-<inode>` of the manifest at which these bytes were first seen.
    WallMillis updated_at{};      ///< That mtime.
    std::optional<Secret> bytes;  ///< Unset while the object is down.
    std::int64_t newest_ns = 0;   ///< The latest mtime that made a version of it.
    std::uint64_t changes = 0;
  };

  struct Object {
    State state = State::absent;
    Instant since{};   ///< When it came into this state.
    std::string file;  ///< Where it stands, or stood.
    Watch watch;       ///< Handed out with values: an object is never forgotten once it was.
    std::map<std::string, Value, std::less<>> values;
  };

  /// One key of one object whose bytes changed, appeared or went.
  struct Change {
    std::string object;
    std::string key;
  };

  explicit ObjectTable(const Fingerprinter& fingerprinter) : fingerprinter_(fingerprinter) {}

  /// Serves what a manifest says of one object; `values` is its whole content.
  void serve(const std::string& object, const std::string& file, const FileStamp& stamp,
             std::map<std::string, Secret, std::less<>> values, Instant now, std::vector<Change>& changes);
  /// Its manifest was refused: the values go, what is known of them stays.
  void take_down(Object& object, Instant now) noexcept;
  /// It is in no manifest any more.
  void remove(const std::string& name, Object& object, Instant now, std::vector<Change>& changes);
  /// Whether somebody watches the manifests. What is served is vouched for while that is so.
  void set_watched(bool watched, Instant now) noexcept;
  [[nodiscard]] const Object* find(std::string_view name) const noexcept;
  [[nodiscard]] std::map<std::string, Object, std::less<>>& all() noexcept { return objects_; }

 private:
  void enter(Object& object, State state, Instant now) noexcept;
  static std::string next_version(const Value* before, const FileStamp& stamp);

  const Fingerprinter& fingerprinter_;
  std::map<std::string, Object, std::less<>> objects_;
  bool watched_ = false;
};

}  // namespace tantalus
