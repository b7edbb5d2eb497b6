// SPDX-License-Identifier: Apache-2.0
// The configuration read again: the new one is built whole, then swapped in; a bad one changes nothing (trap 111).
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "agent/config/load.h"
#include "agent/daemon_parts.h"
#include "agent/daemon_settings.h"
#include "protocol/audit/sha256.h"

namespace tantalus {
namespace {

std::optional<std::uint64_t> fingerprint_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return fingerprint_of(text);
}

}  // namespace

Result<void> Daemon::Parts::reload(std::string_view cause) {
  notifier_->reloading();
  Result<void> outcome = swap_config();
  last_reload_.at = loop_.wall_now();
  AuditRecord line;
  line.event = AuditEvent::reload;
  line.detail = cause;
  if (outcome.has_value()) {
    last_reload_.outcome = "ok";
    last_reload_.error.clear();
    log_.info("the configuration was reloaded", {{"cause", cause}});
  } else {
    last_reload_.outcome = "refused";
    last_reload_.error = outcome.error().message;
    line.failure = outcome.error().code;
    log_.error("the configuration was not reloaded, the old one stays in force",
               {{"cause", cause}, {"why", outcome.error().message}});
  }
  audit_->record(line);
  notifier_->ready(outcome.has_value() ? "serving" : "serving; the last reload was refused");
  return outcome;
}

/// Whether Landlock keeps the process from writing there.
bool Daemon::Parts::was_given_up(const AuditConfig& audit) const {
  if (audit.path.empty() || audit.path == "-") {
    return false;
  }
  const std::string directory = std::filesystem::path(audit.path).parent_path().string();
  return std::ranges::find(writable_, directory) == writable_.end() &&
         std::ranges::any_of(hardening_,
                             [](const HardeningStep& step) { return step.step == "landlock" && step.in_force; });
}

Result<void> Daemon::Parts::swap_config() {
  Result<LoadedConfig> loaded = load_config(config_path_);
  if (!loaded.has_value()) {
    return std::unexpected(std::move(loaded.error()));
  }
  Config next = std::move(loaded->config);
  if (std::optional<std::string> refusal = refuse_unbuilt(next)) {
    return fail(Code::misconfigured, config_path_ + ": " + *refusal);
  }
  std::vector<std::string> fixed = config_diff_needs_restart(config_, next);
  if (was_given_up(next.audit)) {
    fixed.emplace_back("audit.path to another directory (the agent gave up writing outside the one it started with)");
  }
  if (!fixed.empty()) {
    std::string names;
    for (const std::string& name : fixed) {
      names += (names.empty() ? "" : ", ") + name;
    }
    return fail(Code::misconfigured, config_path_ + ": a restart is needed to change " + names);
  }
  Result<Rules> rules = Rules::compile(next.identity, next.backends.kubernetes.store, domains_, false);
  if (!rules.has_value()) {
    return fail(Code::misconfigured, config_path_ + ": " + rules.error().message);
  }
  const bool file_moved = next.backends.file.enabled != config_.backends.file.enabled ||
                          next.backends.file.directory != config_.backends.file.directory ||
                          next.backends.kubernetes.store != config_.backends.kubernetes.store;
  std::unique_ptr<FileSecrets> next_file;
  if (file_moved && next.backends.file.enabled) {
    Result<std::unique_ptr<FileSecrets>> made = make_file_backend(next);
    if (!made.has_value()) {
      return std::unexpected(made.error());
    }
    next_file = std::move(*made);
  }
  if (const Result<void> trail = audit_->reconfigure(next.audit); !trail.has_value()) {
    return std::unexpected(trail.error());
  }
  // From here on nothing can fail.
  config_ = std::move(next);
  note_text(loaded->source.text);
  log_.set_level(log_level(config_));
  log_.set_format(log_format(config_));
  quota_->set_limits(config_.limits);
  reader_->set_max_batch(config_.limits.max_batch);
  const std::array lengths{config_.limits.first_frame, config_.limits.frame_timeout, config_.limits.write_timeout};
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    deadlines_[i]->set_length(lengths[i]);
  }
  cache_->set_options(cache_options(config_));
  resolver_->set_rules(freshness_rules(config_));
  service_->reconfigure(make_policy(config_), service_options(config_));
  if (file_moved) {
    (void)gate_->enter(replace_file_backend(std::move(next_file)));
  }
  attestation_->set_rules(std::move(*rules));
  listener_->for_each([](Connection& connection) { connection.attribute_anew(); });
  return {};
}

void Daemon::Parts::note_text(std::string_view text) {
  seen_fingerprint_ = fingerprint_of(text);
  Sha256 sha256;
  last_reload_.sha256 = view(sha256.of(text));
  last_reload_.at = loop_.wall_now();
}

/// The new directory is read whole before anything is asked of it; what the old one gave is dropped.
Task<void> Daemon::Parts::replace_file_backend(std::unique_ptr<FileSecrets> next) {
  auto cancel = std::make_unique<Cancel>();
  Cancel& of_next = *cancel;
  FileSecrets* const backend = next.get();
  const std::uint64_t generation = ++file_generation_;
  if (backend != nullptr) {
    auto loading = backend->load(of_next);
    co_await loading;
    if (draining_ || generation != file_generation_) {
      co_return;  // A later reload has another directory.
    }
  }
  file_cancel_->cancel();
  former_cancels_.push_back(std::exchange(file_cancel_, std::move(cancel)));
  if (file_ != nullptr) {
    file_->set_listener(nullptr);
    former_files_.push_back(std::move(file_));
  }
  file_ = std::move(next);
  resolver_->clear_backend(Source::file);
  (void)resolver_->flush([](const CacheEntry& entry) { return entry.grant.view().source == Source::file; });
  if (backend != nullptr) {
    backend->set_listener(this);
    resolver_->set_backend(Source::file, *backend);
    (void)gate_->enter(backend->run(of_next));
    subscriptions_->on_source_changed(Source::file);
  }
}

/// What a former backend held is wiped as soon as nobody asks it any more, and it has stopped following its files.
void Daemon::Parts::release_former_files() {
  const auto is_busy = [this](const auto& former) { return former->is_running() || former.get() == loading_first_; };
  if (!former_cancels_.empty() && std::ranges::none_of(former_files_, is_busy) && resolver_->is_idle()) {
    former_files_.clear();
    former_cancels_.clear();
  }
}

/// Watches the directories on the way to the file, and acts when its text is another one: ConfigMaps swap a symlink.
Task<void> Daemon::Parts::watch_config() {
  Result<std::unique_ptr<PathWatch>> watch = loop_.watch_paths();
  if (!watch.has_value()) {
    log_.warning("the configuration file is not watched; SIGHUP reloads it", {{"why", watch.error().message}});
    co_return;
  }
  config_watch_ = std::move(*watch);
  while (!config_cancel_.is_cancelled()) {
    if (const Result<void> watched = config_watch_->set_directories(directories_of(config_path_));
        !watched.has_value()) {
      log_.warning("the configuration file is not wholly watched", {{"why", watched.error().message}});
    }
    auto change = config_watch_->changed(config_cancel_);
    co_await change;
    if (config_cancel_.is_cancelled()) {
      co_return;
    }
    auto settle = loop_.sleep_until(loop_.now() + std::chrono::milliseconds(50), config_cancel_);
    co_await settle;
    if (config_cancel_.is_cancelled()) {
      co_return;
    }
    const std::optional<std::uint64_t> fingerprint = fingerprint_of_file(config_path_);
    if (fingerprint.has_value() && *fingerprint != seen_fingerprint_) {
      seen_fingerprint_ = *fingerprint;
      (void)reload("the file changed");
    }
  }
}

}  // namespace tantalus
