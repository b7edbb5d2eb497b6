// SPDX-License-Identifier: Apache-2.0
// The configuration read again: the new one is built whole, then swapped in; a bad one changes nothing (trap 111).
#include <chrono>
#include <utility>

#include "agent/config/load.h"
#include "agent/daemon_parts.h"
#include "agent/daemon_settings.h"

namespace tantalus {

Result<void> Daemon::Parts::reload(std::string_view cause) {
  notifier_.reloading();
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
  notifier_.ready(outcome.has_value() ? "serving" : "serving; the last reload was refused");
  return outcome;
}

Result<void> Daemon::Parts::swap_config() {
  Result<LoadedConfig> loaded = load_config_file(config_path_);
  if (!loaded.has_value()) {
    return std::unexpected(std::move(loaded.error()));
  }
  Config next = std::move(loaded->config);
  if (std::optional<std::string> refusal = refuse_unbuilt(next)) {
    return fail(Code::misconfigured, config_path_ + ": " + *refusal);
  }
  const std::vector<std::string> fixed = keys_that_need_restart(config_, next);
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
  if (const Result<void> trail = audit_->reconfigure(next.audit); !trail.has_value()) {
    return std::unexpected(trail.error());
  }
  // From here on nothing can fail.
  config_ = std::move(next);
  last_reload_.fingerprint = loaded->fingerprint;
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
    replace_file_backend();
  }
  attestation_->set_rules(std::move(*rules));
  listener_->for_each([](Connection& connection) { connection.attribute_anew(); });
  return {};
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
    const Result<std::string> fingerprint = fingerprint_file(config_path_);
    if (!config_cancel_.is_cancelled() && fingerprint.has_value() && *fingerprint != seen_fingerprint_) {
      seen_fingerprint_ = *fingerprint;
      (void)reload("the file changed");
    }
  }
}

}  // namespace tantalus
