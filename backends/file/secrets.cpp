// SPDX-License-Identifier: Apache-2.0
#include "backends/file/secrets.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "backends/codec/json.h"
#include "protocol/utf8.h"

namespace tantalus {
namespace {

constexpr std::string_view why_refused = "manifest refused";
constexpr std::string_view why_unreadable = "directory not readable";
constexpr std::string_view why_unwatched = "not watched";

constexpr Millis debounce{20};
constexpr Millis catch_up_step{5};
constexpr std::size_t max_stamps = 64;  // How many files one fetch looks at.

std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path made = std::filesystem::absolute(path, error);
  return error ? path : made.string();
}

/// A copy, so that the cache accounts for what it keeps and the manifests for what they hold.
Result<Secret> copy_of(Arena& arena, const Secret& value) {
  Result<SecretWriter> writer = SecretWriter::make(arena, value.size());
  if (!writer) {
    return std::unexpected(writer.error());
  }
  if (Result<void> written = writer->append(value.expose()); !written) {
    return std::unexpected(written.error());
  }
  return std::move(*writer).freeze();
}

}  // namespace

/// One wait that ends by whichever comes first: the caller's Cancel or the wake.
class FileSecrets::Wake final : private Cancel::Waiter {
 public:
  Wake(Cancel& outer, std::shared_ptr<Cancel> inner) : outer_(outer), inner_(std::move(inner)) {
    if (outer_.is_cancelled()) {
      inner_->cancel();
    } else {
      outer_.set_waiter(this);
    }
  }
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake() { outer_.clear_waiter(); }

 private:
  void on_cancel() noexcept override {
    const std::shared_ptr<Cancel> held = inner_;
    held->cancel();
  }
  Cancel& outer_;
  std::shared_ptr<Cancel> inner_;
};

Result<std::unique_ptr<FileSecrets>> FileSecrets::make(Io& io, Arena& arena, Options options, NoteSink notes) {
  Result<Fingerprinter> fingerprinter = Fingerprinter::make(arena);
  if (!fingerprinter) {
    return std::unexpected(fingerprinter.error());
  }
  options.directory = absolute(options.directory);
  return std::unique_ptr<FileSecrets>(
      new FileSecrets(io, arena, std::move(options), std::move(notes), std::move(*fingerprinter)));
}

FileSecrets::FileSecrets(Io& io, Arena& arena, Options options, NoteSink notes, Fingerprinter fingerprinter)
    : io_(io),
      arena_(arena),
      options_(std::move(options)),
      notes_(std::move(notes)),
      fingerprinter_(std::move(fingerprinter)),
      objects_(fingerprinter_),
      files_({.store = options_.store}, objects_),
      directory_problem_("it was not read yet"),
      since_(io.now()) {}

FileSecrets::~FileSecrets() = default;

Task<void> FileSecrets::load(Cancel& cancel) {
  constexpr int tries = 5;  // Each finds what changed during the one before; what goes on changing is run()'s.
  for (int i = 0; i < tries && !cancel.is_cancelled(); ++i) {
    look_again_ = false;
    co_await look(true, cancel);
    if (!look_again_) {
      break;
    }
  }
}

Task<void> FileSecrets::run(Cancel& cancel) {
  running_ = true;
  while (!cancel.is_cancelled()) {
    co_await wait(cancel);
    if (!cancel.is_cancelled()) {
      look_again_ = false;
      co_await look(false, cancel);
    }
  }
  running_ = false;
}

Task<void> FileSecrets::wait(Cancel& cancel) {
  wake_ = std::make_shared<Cancel>();
  const std::shared_ptr<Cancel> mine = wake_;
  const Wake wake(cancel, mine);
  const Instant soon = io_.now() + BootClock::duration{1};
  const std::optional<Instant> due = directory_problem_.empty() ? files_.next_due() : std::nullopt;
  if (look_again_) {
    co_await io_.sleep_until(soon, *mine);
  } else if (!is_watched()) {
    const Instant next = io_.now() + options_.poll;
    co_await io_.sleep_until(due ? std::clamp(*due, soon, next) : next, *mine);
  } else {
    const auto stop = std::make_shared<Cancel>();
    alarms_.sweep();
    if (due) {
      alarms_.enter(ring(std::max(*due, soon), stop, mine));
    }
    co_await watch_->changed(*mine);
    stop->cancel();
    if (!mine->is_cancelled()) {
      // A busy neighbour (the parent directory is watched too) costs a look now and then, not one for each event.
      co_await io_.sleep_until(io_.now() + debounce, *mine);
    }
  }
  wake_.reset();
}

Task<void> FileSecrets::ring(Instant when, std::shared_ptr<Cancel> stop, std::shared_ptr<Cancel> wake) {
  co_await io_.sleep_until(when, *stop);
  wake->cancel();
}

void FileSecrets::poke() noexcept {
  if (const std::shared_ptr<Cancel> waiting = wake_) {
    waiting->cancel();
  }
}

/// One look at the directory and, in it, at the files that are due.
Task<void> FileSecrets::look(bool first, Cancel& cancel) {
  DirectoryScan scan(options_.directory, options_.max_files);
  while (!scan.step(options_.slice.names)) {
    co_await io_.sleep_until(io_.now() + BootClock::duration{1}, cancel);
    if (cancel.is_cancelled()) {
      co_return;
    }
  }
  watch(scan);
  std::map<std::string, LoadedFile> loaded;
  if (scan.problem().empty()) {
    files_.observe(scan, first, io_.now());
    const std::vector<std::string> due = files_.due(io_.now());
    for (const std::string& name : due) {
      const FileTable::File::Pending pending = *files_.all().at(name).pending;
      if (pending.gone || pending.hopeless) {
        LoadedFile known;
        known.stamp = pending.stamp;
        known.gone = pending.gone;
        known.refusal = "it keeps changing";
        loaded.emplace(name, std::move(known));
        continue;
      }
      LoadedFile read = co_await load_manifests(io_, arena_, path_of(name), options_.store, options_.slice, cancel);
      look_again_ = look_again_ || read.unsettled || read.stamp != pending.stamp;
      loaded.emplace(name, std::move(read));
      if (cancel.is_cancelled()) {
        co_return;
      }
    }
  }
  if (directory_problem_ != scan.problem()) {
    health_changed_ = true;
    directory_problem_ = scan.problem();
    since_ = io_.now();
    note(!directory_problem_.empty(), directory_problem_.empty() ? "its manifests are read" : directory_problem_);
  }
  directory_stamp_ = scan.stamp();
  std::vector<ObjectTable::Change> changes;
  note_skipped(loaded);
  if (scan.problem().empty()) {
    changes = files_.apply(std::move(loaded), io_.now());
  } else {
    files_.lose_all(io_.now());
  }
  objects_.set_watched(is_watched(), io_.now());
  note_files();
  tell(first ? std::vector<ObjectTable::Change>{} : changes);
}

/// Attached anew at each look: a directory that was replaced keeps its path.
void FileSecrets::watch(const DirectoryScan& scan) {
  if (watch_ == nullptr) {
    Result<std::unique_ptr<PathWatch>> made = io_.watch_paths();
    if (!made) {
      set_watch_problem(made.error().message);
      return;
    }
    watch_ = std::move(*made);
  }
  const std::vector<std::string> paths(scan.to_watch().begin(), scan.to_watch().end());
  const Result<void> set = watch_->set_directories(paths);
  set_watch_problem(set ? std::string() : set.error().message);
  std::vector<std::pair<std::string, std::uint64_t>> attached;
  for (const std::string& path : paths) {
    attached.emplace_back(path, stamp_of(path).inode);
  }
  if (attached != attached_) {
    attached_ = std::move(attached);
    look_again_ = true;  // What happened between the scan and the watch.
  }
}

void FileSecrets::set_watch_problem(std::string problem) {
  if (problem == watch_problem_) {
    return;
  }
  watch_problem_ = std::move(problem);
  health_changed_ = true;
  note(!watch_problem_.empty(),
       watch_problem_.empty() ? "the manifests are watched again" : "not watched: " + watch_problem_);
}

void FileSecrets::note_skipped(const std::map<std::string, LoadedFile>& loaded) {
  for (const auto& [name, file] : loaded) {
    if (file.manifests) {
      for (const std::string& skipped : file.manifests->skipped) {
        note(false, tantalus::quoted(name) + ":" + skipped + " is skipped");
      }
    }
  }
}

/// Says what became of each file, once.
void FileSecrets::note_files() {
  std::erase_if(told_, [&](const auto& one) { return !files_.all().contains(one.first); });
  for (const auto& [name, file] : files_.all()) {
    if (!file.was_read) {
      continue;
    }
    Told& told = told_[name];
    if (told.why_not != file.why_not()) {
      health_changed_ = true;
      note(!file.why_not().empty(),
           file.why_not().empty() ? tantalus::quoted(name) + " is in force again" : "refused: " + in_place(name, file));
      told.why_not = file.why_not();
    }
    if (file.others_may_read && !told.others_may_read) {
      note(true, tantalus::quoted(name) + " may be read by every user of this machine (chmod o-r)");
    }
    told.others_may_read = file.others_may_read;
  }
}

std::string FileSecrets::in_place(const std::string& name, const FileTable::File& file) const {
  const std::string& why = file.why_not();
  const bool has_place = !why.empty() && why.front() >= '0' && why.front() <= '9';
  return path_of(name) + (has_place ? ":" : ": ") + why;
}

void FileSecrets::tell(const std::vector<ObjectTable::Change>& changes) {
  const bool health = std::exchange(health_changed_, false);
  if (listener_ == nullptr) {
    return;
  }
  for (const ObjectTable::Change& change : changes) {
    listener_->on_value_changed(Source::file, IntegrationId::none, change.object, change.key);
  }
  if (health) {
    listener_->on_health_changed(Source::file);
  }
}

void FileSecrets::note(bool is_warning, std::string text) {
  if (notes_) {
    notes_({is_warning, "file backend: " + std::move(text)});
  }
}

bool FileSecrets::looks_the_same(const std::string& name, const FileTable::File& file) const {
  return file.was_read && !file.again && !file.pending && stamp_of(path_of(name)) == file.stamp;
}

/// Whether what is held of an object is what a reading of its file would give. Of one that is in no file, whether none
/// has changed; many files are left to the watch.
bool FileSecrets::is_current(std::string_view object) const {
  if (!running_) {
    return true;
  }
  const ObjectTable::Object* held = objects_.find(object);
  if (held != nullptr && held->state == ObjectTable::State::served) {
    const auto file = files_.all().find(held->file);
    return file != files_.all().end() && looks_the_same(file->first, file->second);
  }
  if (stamp_of(options_.directory) != directory_stamp_) {
    return false;
  }
  const bool asks_files = files_.all().size() <= max_stamps;
  return std::ranges::all_of(files_.all(), [&](const auto& one) {
    return asks_files ? looks_the_same(one.first, one.second) : !one.second.pending && !one.second.again;
  });
}

Task<void> FileSecrets::catch_up(std::string object, Instant deadline, Cancel& cancel) {
  while (!is_current(object) && io_.now() < deadline && !cancel.is_cancelled()) {
    poke();
    co_await io_.sleep_until(std::min(deadline, io_.now() + catch_up_step), cancel);
  }
}

Task<Result<Answer>> FileSecrets::fetch(StoredGrant grant, Instant deadline, Cancel& cancel) {
  std::string object(grant.view().object);
  co_await catch_up(std::move(object), deadline, cancel);
  co_return answer(grant);
}

Result<Answer> FileSecrets::answer(const StoredGrant& stored) {
  const Grant grant = stored.view();
  const ObjectTable::Object* object = objects_.find(grant.object);
  if (std::optional<Error> refused = refuse_object(object)) {
    return std::unexpected(std::move(*refused));
  }
  const auto found = object->values.find(grant.key);
  if (found == object->values.end()) {
    return fail(Code::not_found, "no such secret");
  }
  const ObjectTable::Value& held = found->second;
  Result<Secret> value =
      grant.field.empty() ? copy_of(arena_, *held.bytes) : json::json_member(arena_, *held.bytes, grant.field);
  if (!value) {
    return std::unexpected(value.error());
  }
  if (value->size() > options_.max_value) {
    return fail(Code::too_large, "the value is larger than " + std::to_string(options_.max_value) + " bytes");
  }
  return Answer{std::move(*value), held.version, held.updated_at, &object->watch};
}

/// Unset: it is served.
std::optional<Error> FileSecrets::refuse_object(const ObjectTable::Object* object) const {
  if (object != nullptr && object->state == ObjectTable::State::served) {
    return std::nullopt;
  }
  // A file that can't be read may hold it: "not found" would be a guess, and would evict a value that is still right.
  const bool unknown = !directory_problem_.empty() || files_.first_refused() != nullptr;
  return unknown ? Error{Code::unavailable, "the manifests can't be read now", Millis{0}}
                 : Error{Code::not_found, "no such secret", Millis{0}};
}

Task<Result<std::vector<CatalogEntry>>> FileSecrets::list(DomainId, std::string object, Instant deadline,
                                                          Cancel& cancel) {
  co_await catch_up(object, deadline, cancel);
  std::vector<CatalogEntry> entries;
  const ObjectTable::Object* held = objects_.find(object);
  if (std::optional<Error> refused = refuse_object(held)) {
    if (refused->code == Code::not_found) {
      co_return entries;
    }
    co_return std::unexpected(std::move(*refused));
  }
  for (const auto& [key, value] : held->values) {
    entries.push_back({key, value.version, value.updated_at, {}});
  }
  co_return entries;
}

BackendState FileSecrets::state(std::string_view name) const {
  const ObjectTable::Object* object = objects_.find(name);
  if (object != nullptr && object->state == ObjectTable::State::served) {
    if (is_watched()) {
      return {Health::ok, {}, {}, object->since};
    }
    return {Health::degraded, why_unwatched, watch_problem_, object->since};
  }
  if (!directory_problem_.empty()) {
    return {Health::down, why_unreadable, options_.directory + ": " + directory_problem_, since_};
  }
  const Instant since = object == nullptr ? since_ : object->since;
  const auto* refused = files_.refused_for(name);
  if (refused == nullptr) {
    return {Health::ok, {}, {}, since};
  }
  return {Health::down, why_refused, in_place(refused->first, refused->second), since};
}

}  // namespace tantalus
