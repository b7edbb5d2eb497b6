// SPDX-License-Identifier: Apache-2.0
#include "backends/file/objects.h"

#include <algorithm>
#include <utility>

namespace tantalus {

void ObjectTable::serve(const std::string& name, const std::string& file, const FileStamp& stamp,
                        std::map<std::string, Secret, std::less<>> values, Instant now, std::vector<Change>& changes) {
  Object& object = objects_[name];
  object.file = file;
  enter(object, State::served, now);
  std::erase_if(object.values, [&](const auto& old) {
    const bool gone = !values.contains(old.first);
    if (gone) {
      changes.push_back({name, old.first});
    }
    return gone;
  });
  for (auto& [key, bytes] : values) {
    const Fingerprint print = fingerprinter_.of(bytes.expose());
    const auto found = object.values.find(key);
    Value* before = found == object.values.end() ? nullptr : &found->second;
    if (before != nullptr && before->print == print) {
      before->bytes.emplace(std::move(bytes));  // The same, in case it was down.
      continue;
    }
    // Bytes decide, never the file's version: a neighbour that was rotated announces nothing here (trap 136).
    Value value;
    value.print = print;
    value.version = next_version(before, stamp);
    value.updated_at = WallMillis(std::chrono::duration_cast<Millis>(std::chrono::nanoseconds(stamp.modified_ns)));
    value.bytes.emplace(std::move(bytes));
    value.newest_ns = before == nullptr ? stamp.modified_ns : std::max(before->newest_ns, stamp.modified_ns);
    value.changes = before == nullptr ? 0 : before->changes + 1;
    object.values.insert_or_assign(key, std::move(value));
    changes.push_back({name, key});
  }
}

void ObjectTable::take_down(Object& object, Instant now) noexcept {
  enter(object, State::down, now);
  for (auto& [key, value] : object.values) {
    value.bytes.reset();
  }
}

void ObjectTable::remove(const std::string& name, Object& object, Instant now, std::vector<Change>& changes) {
  enter(object, State::absent, now);
  for (const auto& [key, value] : object.values) {
    changes.push_back({name, key});
  }
  object.values.clear();
}

void ObjectTable::set_watched(bool watched, Instant now) noexcept {
  watched_ = watched;
  for (auto& [name, object] : objects_) {
    enter(object, object.state, now);
  }
}

const ObjectTable::Object* ObjectTable::find(std::string_view name) const noexcept {
  const auto found = objects_.find(name);
  return found == objects_.end() ? nullptr : &found->second;
}

void ObjectTable::enter(Object& object, State state, Instant now) noexcept {
  if (object.state != state) {
    object.state = state;
    object.since = now;
  }
  const bool healthy = watched_ && state == State::served;
  if (object.watch.healthy && !healthy) {
    object.watch.lost_at = now;
  }
  object.watch.healthy = healthy;
}

/// A time that isn't newer than one that already made a version (a clock set back, `cp -p`, two writes within the file
/// system's tick) doesn't tell two states apart; a number does.
std::string ObjectTable::next_version(const Value* before, const FileStamp& stamp) {
  std::string version = std::to_string(stamp.modified_ns) + "-" + std::to_string(stamp.inode);
  if (before != nullptr && stamp.modified_ns <= before->newest_ns) {
    version += "-" + std::to_string(before->changes + 1);
  }
  return version;
}

}  // namespace tantalus
