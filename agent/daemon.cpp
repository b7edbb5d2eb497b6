// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon.h"

#include <csignal>
#include <utility>

#include "agent/daemon_parts.h"

namespace tantalus {

std::expected<std::unique_ptr<Daemon>, StartFailure> Daemon::start(LoadedConfig loaded, Log& log) {
  auto parts = std::make_unique<Parts>(std::move(loaded), log);
  if (std::optional<StartFailure> failure = parts->build()) {
    return std::unexpected(std::move(*failure));
  }
  return std::unique_ptr<Daemon>(new Daemon(std::move(parts)));
}

Daemon::Daemon(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
Daemon::~Daemon() = default;

int Daemon::run() {
  return parts_->run();
}

Daemon::Parts::Parts(LoadedConfig loaded, Log& to)
    : config_(std::move(loaded.config)), config_path_(std::move(loaded.source.path)), log_(to) {
  note_text(loaded.source.text);
}

Daemon::Parts::~Parts() {
  stop_waiting();
  // While their descriptors are open, which keeps their inodes' numbers from being a successor's.
  close_socket(resolve_socket_);
  if (debug_socket_.has_value()) {
    close_socket(*debug_socket_);
  }
  debug_.reset();
  gate_.reset();  // First what still waits, which is cancelled by this, while all that it uses is there.
  listener_.reset();
  server_.reset();
  for (auto& deadlines : deadlines_) {
    deadlines.reset();
  }
  turn_.reset();
  service_.reset();
  subscriptions_.reset();
  if (scratch_ != nullptr) {
    arena_->free(scratch_);
  }
}

int Daemon::Parts::run() {
  // Handlers run on the loop: nothing happens inside a signal (trap 113).
  const auto stop = [this] {
    if (draining_) {
      log_.warning("a second signal: stopping at once");
      loop_.stop();
      return;
    }
    begin_drain();
  };
  loop_.on_signal(SIGTERM, stop);
  loop_.on_signal(SIGINT, stop);
  loop_.on_signal(SIGHUP, [this] { (void)reload("SIGHUP"); });
  loop_.on_signal(SIGUSR1, [this] { audit_->reopen(); });
  if (const auto period = notifier_->watchdog_period()) {
    watchdog_.emplace(loop_, [this, every = *period] {
      notifier_->feed_watchdog();
      watchdog_->arm(loop_.now() + every);
    });
    watchdog_->arm(loop_.now());
  }
  (void)gate_->enter(watch_config());
  (void)gate_->enter(serve_when_loaded());
  loop_.run();
  audit_->finish();
  log_.info("stopped");
  return ExitCode::stopped;
}

/// Callers are accepted once what can be answered is known: until then they wait in the socket's queue.
Task<void> Daemon::Parts::serve_when_loaded() {
  if (file_ != nullptr) {
    FileSecrets& first = *file_;
    Cancel& cancel = *file_cancel_;
    loading_first_ = &first;  // A reload may replace it meanwhile.
    auto loading = first.load(cancel);
    co_await loading;
    loading_first_ = nullptr;
    if (file_.get() == &first) {
      (void)gate_->enter(first.run(cancel));
    }
  }
  if (draining_) {
    co_return;
  }
  loaded_ = true;
  listener_->start();
  notifier_->ready("serving");
  log_.info("serving", {{"socket", resolve_socket_.path}});
}

/// Wakes what waits for no caller: it ends.
void Daemon::Parts::stop_waiting() {
  config_cancel_.cancel();
  if (file_cancel_ != nullptr) {
    file_cancel_->cancel();
  }
}

void Daemon::Parts::begin_drain() {
  draining_ = true;
  notifier_->stopping("draining");
  log_.info("stopping: pending requests are answered first", {{"deadline_ms", config_.limits.drain}});
  stop_waiting();
  // Its path goes first, so that a successor may bind it while this one still answers. The operators' stays: it tells
  // that nothing new is served.
  close_socket(resolve_socket_);
  listener_->drain();
  drain_.emplace(loop_, [this] {
    log_.warning("the drain's deadline has passed", {{"connections", listener_->size()}});
    loop_.stop();
  });
  drain_->arm(loop_.now() + config_.limits.drain);
}

void Daemon::Parts::check_drained() {
  if (draining_ && listener_->size() == 0 && quota_->waiting() == 0) {
    loop_.stop();
  }
}

void Daemon::Parts::close_socket(OwnSocket& socket) {
  if (!socket.inherited && socket.bound.fd >= 0) {
    remove_unix_socket(socket.path, socket.bound);
  }
  socket.inherited = true;  // Once.
}

void Daemon::Parts::on_value_changed(Source source, IntegrationId integration, std::string_view object,
                                     std::string_view key) {
  resolver_->on_value_changed(source, integration, object, key);
}

void Daemon::Parts::on_health_changed(Source source) {
  const BackendState state = file_ != nullptr ? file_->state({}) : BackendState{};
  log_.info("a backend's state changed",
            {{"backend", to_text(source)}, {"state", to_text(state.health)}, {"why", state.why}});
}

}  // namespace tantalus
