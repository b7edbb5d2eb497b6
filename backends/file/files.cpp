// SPDX-License-Identifier: Apache-2.0
#include "backends/file/files.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "protocol/utf8.h"

namespace tantalus {

void FileTable::observe(const DirectoryScan& scan, bool at_once, Instant now) {
  std::set<std::string_view> seen;
  for (const FoundFile& found : scan.files()) {
    seen.insert(found.name);
    observe_one(found, at_once, now);
  }
  for (auto& [name, file] : files_) {
    if (!seen.contains(name) && (!file.pending || !file.pending->gone)) {
      file.pending = File::Pending{FileStamp{}, now, at_once ? now : now + options_.settle_nothing, true, false};
    }
  }
}

void FileTable::observe_one(const FoundFile& found, bool at_once, Instant now) {
  File& file = files_[found.name];
  file.others_may_read = found.others_may_read;
  const bool same = file.was_read && file.stamp == found.stamp;
  const bool retry = file.retry_at && *file.retry_at <= now;
  if (same && !file.again && !retry) {
    file.pending.reset();
    return;
  }
  if (file.pending && !file.pending->gone && file.pending->stamp == found.stamp) {
    return;
  }
  const Instant begun = file.pending ? file.pending->begun : now;
  const bool emptied = found.stamp.size == 0 && file.was_read && file.stamp.size > 0;
  const bool hopeless = now - begun > options_.give_up;
  const Instant due = at_once || hopeless ? now : now + (emptied ? options_.settle_nothing : options_.settle);
  file.pending = File::Pending{found.stamp, begun, due, false, hopeless};
}

std::vector<std::string> FileTable::due(Instant now) const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) {
    if (file.pending && file.pending->due <= now) {
      names.push_back(name);
    }
  }
  return names;
}

std::optional<Instant> FileTable::next_due() const {
  std::optional<Instant> next;
  const auto consider = [&](std::optional<Instant> when) {
    if (when && (!next || *when < *next)) {
      next = when;
    }
  };
  for (const auto& [name, file] : files_) {
    if (file.pending) {
      consider(file.pending->due);
    } else if (file.again) {
      consider(Instant::min());
    } else {
      consider(file.retry_at);
    }
  }
  return next;
}

std::vector<ObjectTable::Change> FileTable::apply(std::map<std::string, LoadedFile> loaded, Instant now) {
  for (auto one = loaded.begin(); one != loaded.end();) {
    one = take(one->first, one->second, now) ? std::next(one) : loaded.erase(one);
  }
  find_conflicts(loaded);
  std::vector<ObjectTable::Change> changes;
  for (auto& [name, one] : loaded) {
    serve(name, one, now, changes);
  }
  settle_objects(now, changes);
  return changes;
}

/// False: nothing came of it.
bool FileTable::take(const std::string& name, LoadedFile& loaded, Instant now) {
  const auto found = files_.find(name);
  if (found == files_.end()) {
    return false;
  }
  File& file = found->second;
  if (loaded.gone) {
    files_.erase(found);
    return false;
  }
  if (loaded.unsettled || !file.pending || loaded.stamp != file.pending->stamp) {
    return false;  // The next scan sees that it looks otherwise, and it waits again.
  }
  file.stamp = loaded.stamp;
  file.was_read = true;
  file.again = false;
  file.pending.reset();
  file.retry_at.reset();
  file.refusal = std::move(loaded.refusal);
  file.retry_after = loaded.no_room ? std::clamp(file.retry_after * 2, options_.retry, options_.retry_most) : Millis{0};
  if (loaded.no_room) {
    file.retry_at = now + file.retry_after;
  }
  if (loaded.manifests && objects_.all().size() + loaded.manifests->objects.size() > options_.max_objects) {
    file.refusal = "too many objects are in all files together";
    loaded.manifests.reset();
  }
  if (!loaded.manifests) {
    file.in_force = false;
    return true;
  }
  file.objects.clear();
  for (const ManifestObject& object : loaded.manifests->objects) {
    file.objects.push_back(suffix_of(object.name));
  }
  return true;
}

/// One object in two files: nobody can tell which is meant, so neither counts.
void FileTable::find_conflicts(const std::map<std::string, LoadedFile>& loaded) {
  std::map<std::string_view, std::vector<const std::string*>> claims;
  for (const auto& [name, file] : files_) {
    if (file.refusal.empty()) {
      for (const std::string& object : file.objects) {
        claims[object].push_back(&name);
      }
    }
  }
  for (auto& [name, file] : files_) {
    const bool had = !file.conflict.empty();
    file.conflict.clear();
    for (const std::string& object : file.objects) {
      const auto claim = claims.find(object);
      if (!file.refusal.empty() || claim->second.size() < 2) {
        continue;
      }
      const std::string& other = *claim->second[0] == name ? *claim->second[1] : *claim->second[0];
      const std::string full = object.empty() ? options_.store : options_.store + "-" + object;
      file.conflict = "the object " + quoted(full) + " also stands in " + quoted(other);
      file.in_force = false;
      break;
    }
    if (had && file.conflict.empty() && !loaded.contains(name)) {
      file.again = true;  // Its values weren't kept.
    }
  }
}

void FileTable::serve(const std::string& name, LoadedFile& loaded, Instant now,
                      std::vector<ObjectTable::Change>& changes) {
  File& file = files_.at(name);
  if (!loaded.manifests || !file.conflict.empty()) {
    return;
  }
  file.in_force = true;
  for (ManifestObject& object : loaded.manifests->objects) {
    objects_.serve(suffix_of(object.name), name, file.stamp, std::move(object.values), now, changes);
  }
}

/// Objects that no file in force has are down while one that isn't may have them, else gone.
void FileTable::settle_objects(Instant now, std::vector<ObjectTable::Change>& changes) {
  std::set<std::string_view> in_force;
  std::set<std::string_view> in_doubt;
  for (const auto& [name, file] : files_) {
    (file.in_force ? in_force : in_doubt).insert(file.objects.begin(), file.objects.end());
  }
  for (auto& [name, object] : objects_.all()) {
    if (object.state == ObjectTable::State::absent || in_force.contains(name)) {
      continue;
    }
    if (!in_doubt.contains(name)) {
      objects_.remove(name, object, now, changes);
    } else if (object.state == ObjectTable::State::served) {
      objects_.take_down(object, now);
    }
  }
}

void FileTable::lose_all(Instant now) {
  for (auto& [name, file] : files_) {
    file.in_force = false;
    file.again = true;
    file.pending.reset();
  }
  for (auto& [name, object] : objects_.all()) {
    if (object.state == ObjectTable::State::served) {
      objects_.take_down(object, now);
    }
  }
}

const std::pair<const std::string, FileTable::File>* FileTable::first_refused() const noexcept {
  for (const auto& entry : files_) {
    if (!entry.second.in_force) {
      return &entry;
    }
  }
  return nullptr;
}

const std::pair<const std::string, FileTable::File>* FileTable::refused_for(std::string_view object) const noexcept {
  for (const auto& entry : files_) {
    if (!entry.second.in_force && std::ranges::find(entry.second.objects, object) != entry.second.objects.end()) {
      return &entry;
    }
  }
  return first_refused();
}

std::string FileTable::suffix_of(const std::string& object) const {
  return object.size() <= options_.store.size() ? std::string() : object.substr(options_.store.size() + 1);
}

}  // namespace tantalus
