// SPDX-License-Identifier: Apache-2.0
// How the parts are built, and in which order.
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <utility>

#include "agent/daemon_parts.h"
#include "agent/daemon_settings.h"
#include "agent/process/limits.h"
#include "agent/version.h"

namespace tantalus {
namespace {

constexpr std::size_t scratch_bytes = 64 * limits::KiB;

StartFailure system_failure(const Error& error) {
  return {ExitCode::system, error.message};
}
/// The best rung that this kernel has, asked of a socket of our own.
PeerRung rung_here() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return PeerRung::weak;
  }
  const UniqueFd first(pair[0]);
  const UniqueFd second(pair[1]);
  const Result<Peer> peer = Peer::take(first.get());
  return peer.has_value() ? peer->rung() : PeerRung::weak;
}

StartFailure config_failure(std::string message) {
  return {ExitCode::configuration, std::move(message)};
}

/// A name, or a number as it stands.
std::optional<gid_t> group_of(const std::string& text) {
  gid_t number = 0;
  const char* const end = text.data() + text.size();
  if (const auto [stop, error] = std::from_chars(text.data(), end, number); error == std::errc() && stop == end) {
    return number;
  }
  const group* found = ::getgrnam(text.c_str());
  return found != nullptr ? std::optional<gid_t>(found->gr_gid) : std::nullopt;
}

}  // namespace

std::optional<StartFailure> Daemon::Parts::build() {
  started_ = loop_.precise_now();
  started_at_ = loop_.wall_now();
  peer_rung_ = rung_here();
  if (peer_rung_ == PeerRung::weak) {
    log_.warning(
        "this kernel has no SO_PEERPIDFD (Linux 6.5): a pid recycled between connect and accept can't be "
        "excluded",
        {{"admin_scope", config_.identity.allow_weak_peer ? "allowed" : "refused"}});
  }
  if (std::optional<std::string> refusal = refuse_unbuilt(config_)) {
    return config_failure(config_path_ + ": " + *refusal);
  }
  for (auto step : {&Parts::build_memory, &Parts::build_backends, &Parts::build_server, &Parts::build_sockets}) {
    if (std::optional<StartFailure> failure = (this->*step)()) {
      return failure;
    }
  }
  build_debug();
  harden_process();
  return std::nullopt;
}

std::optional<StartFailure> Daemon::Parts::build_memory() {
  Result<Notifier> notifier = Notifier::from_environment();
  if (!notifier.has_value()) {
    return config_failure(notifier.error().message);
  }
  notifier_.emplace(std::move(*notifier));
  Result<std::unique_ptr<Arena>> arena = Arena::make({.bytes = config_.cache.memory});
  if (!arena.has_value()) {
    return system_failure(arena.error());
  }
  arena_ = std::move(*arena);
  cache_ = std::make_unique<Cache>(*arena_, cache_options(config_));
  arena_->set_reclaimer([this](std::size_t bytes) { return cache_->reclaim(bytes, DomainId::none); });
  return std::nullopt;
}

std::optional<StartFailure> Daemon::Parts::build_backends() {
  Result<std::unique_ptr<Audit>> audit = Audit::open(config_.audit, loop_, version_text);
  if (!audit.has_value()) {
    return system_failure(audit.error());
  }
  audit_ = std::move(*audit);
  resolver_ = std::make_unique<Resolver>(*cache_, loop_, freshness_rules(config_));
  gate_ = std::make_unique<Gate>();
  resolver_->set_gate(*gate_);
  subscriptions_ = std::make_unique<Subscriptions>(*resolver_, loop_, *gate_);
  resolver_->set_place_listener(
      [this](Source source, IntegrationId integration, std::string_view object, std::string_view key) {
        subscriptions_->on_place_changed(source, integration, object, key);
      });
  if (config_.backends.file.enabled) {
    Result<std::unique_ptr<FileSecrets>> file = make_file_backend(config_);
    if (!file.has_value()) {
      return system_failure(file.error());
    }
    file_ = std::move(*file);
    file_->set_listener(this);
    resolver_->set_backend(Source::file, *file_);
  }
  if (config_.backends.kubernetes.enabled) {
    log_.info("backends.kubernetes is off: this build has no Kubernetes backend");
  }
  return std::nullopt;
}

Result<std::unique_ptr<FileSecrets>> Daemon::Parts::make_file_backend(const Config& config) {
  FileSecrets::Options options;
  options.directory = config.backends.file.directory;
  options.store = config.backends.kubernetes.store;
  options.max_value = config.limits.max_value;
  return FileSecrets::make(loop_, *arena_, std::move(options), [this](const FileSecrets::Note& note) {
    note.is_warning ? log_.warning(note.text) : log_.info(note.text);
  });
}

std::optional<StartFailure> Daemon::Parts::build_server() {
  Result<Rules> rules = Rules::compile(config_.identity, config_.backends.kubernetes.store, domains_, false);
  if (!rules.has_value()) {
    return config_failure(config_path_ + ": " + rules.error().message);
  }
  std::vector<std::unique_ptr<Attestor>> attestors;
  for (const AttestorKind kind : config_.identity.attestors) {
    if (kind == AttestorKind::user) {
      attestors.push_back(make_user_attestor());
    } else {
      log_.info("an attestor is off: this build does not have it", {{"attestor", to_text(kind)}});
    }
  }
  attestation_ = std::make_unique<Attestation>(std::move(attestors), std::move(*rules), !config_.audit.path.empty());
  quota_ = std::make_unique<Quota>(config_.limits);
  const Result<DescriptorBudget> budget = fit_to_descriptors(config_.limits.connections);
  if (!budget.has_value()) {
    return system_failure(budget.error());
  }
  quota_->set_descriptor_room(budget->connections);
  if (budget->is_cut) {
    log_.warning(
        "RLIMIT_NOFILE allows fewer connections than limits.connections asks for; raise it "
        "(LimitNOFILE= in systemd, ulimit -n)",
        {{"limit", budget->limit}, {"connections", budget->connections}});
  }
  reader_ = std::make_unique<MessageReader>(config_.limits.max_batch);
  service_ = std::make_unique<Service>(loop_, *quota_, *resolver_, *subscriptions_, *audit_, *gate_,
                                       make_policy(config_), service_options(config_));
  turn_ = std::make_unique<Turn>(loop_, *audit_, *gate_);
  const auto closes = [](void* owner) { static_cast<Connection*>(owner)->close_now(); };
  const LimitsConfig& limits = config_.limits;
  const std::array lengths{limits.first_frame, limits.frame_timeout, limits.write_timeout, Millis{1'000}};
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    deadlines_[i] = std::make_unique<Deadlines>(loop_, lengths[i], closes);
  }
  scratch_ = arena_->allocate(scratch_bytes);
  if (scratch_ == nullptr) {
    return StartFailure{ExitCode::configuration, config_path_ + ": cache.memory: too small to read requests into"};
  }
  server_.emplace(ServerParts{loop_, *quota_, *turn_, *service_, nullptr, *attestation_, *gate_, *subscriptions_,
                              *reader_, std::span(static_cast<std::byte*>(scratch_), scratch_bytes), *deadlines_[0],
                              *deadlines_[1], *deadlines_[2], *deadlines_[3]});
  loop_.set_before_sleep([this] {
    turn_->finish();
    release_former_files();
    check_drained();
  });
  return std::nullopt;
}

std::optional<StartFailure> Daemon::Parts::build_sockets() {
  Result<std::vector<InheritedSocket>> inherited = take_inherited_sockets();
  if (!inherited.has_value()) {
    return config_failure(inherited.error().message);
  }
  std::optional<gid_t> operators;
  if (!config_.listen.debug_group.empty()) {
    operators = group_of(config_.listen.debug_group);
    if (!operators.has_value()) {
      return config_failure(config_path_ + ": listen.debug_group: no group `" + config_.listen.debug_group + "` here");
    }
  }
  resolve_socket_.path = config_.listen.socket;
  if (!config_.listen.debug_socket.empty()) {
    debug_socket_.emplace();
    debug_socket_->path = config_.listen.debug_socket;
  }
  for (const InheritedSocket& socket : *inherited) {
    if (socket.name == "resolve") {
      resolve_socket_.bound.fd = socket.fd;
      resolve_socket_.inherited = true;
    } else if (socket.name == "debug" && debug_socket_.has_value()) {
      debug_socket_->bound.fd = socket.fd;
      debug_socket_->inherited = true;
    } else {
      ::close(socket.fd);
    }
  }
  const auto bind = [](OwnSocket& socket, std::uint32_t directory_mode, std::uint32_t mode,
                       std::optional<gid_t> group) -> std::optional<StartFailure> {
    if (socket.inherited) {
      return std::nullopt;
    }
    if (const Result<void> made = ensure_socket_directory(socket.path, directory_mode, group); !made.has_value()) {
      return system_failure(made.error());
    }
    const Result<BoundSocket> bound = bind_unix_socket(socket.path, mode, group);
    if (!bound.has_value()) {
      return system_failure(bound.error());
    }
    socket.bound = *bound;
    return std::nullopt;
  };
  if (auto failure = bind(resolve_socket_, 0755, config_.listen.mode, std::nullopt)) {
    return failure;
  }
  listener_ = std::make_unique<Listener>(*server_, resolve_socket_.bound.fd);
  if (debug_socket_.has_value()) {
    if (auto failure = bind(*debug_socket_, operators.has_value() ? 0750 : 0700, 0660, operators)) {
      return failure;
    }
    debug_group_ = operators;
  }
  return std::nullopt;
}

void Daemon::Parts::build_debug() {
  if (debug_socket_.has_value()) {
    debug_ = std::make_unique<DebugServer>(loop_, UniqueFd(debug_socket_->bound.fd), *this,
                                           DebugServer::Options{.group = debug_group_});
  }
}

void Daemon::Parts::harden_process() {
  if (Result<std::vector<HardeningStep>> dumps = forbid_dumps(); dumps.has_value()) {  // As main did first; to be told.
    hardening_ = std::move(*dumps);
  }
  HardenPlan plan;
  const auto directory_of = [](const std::string& path) { return std::filesystem::path(path).parent_path().string(); };
  if (!config_.audit.path.empty() && config_.audit.path != "-") {
    plan.writable.push_back(directory_of(config_.audit.path));
  }
  writable_ = plan.writable;
  plan.sockets.push_back(directory_of(resolve_socket_.path));
  if (debug_socket_.has_value()) {
    plan.sockets.push_back(directory_of(debug_socket_->path));
  }
  std::erase_if(plan.sockets, [](const std::string& path) { return !std::filesystem::is_directory(path); });
  for (HardeningStep& step : harden(plan)) {
    if (!step.in_force) {
      log_.warning("a hardening step is not in force", {{"step", step.step}, {"why", step.why}});
    }
    if (step.step == "landlock" && step.in_force) {
      // It counts looking at another process's executable or namespaces as tracing: asking would cost each accept two
      // calls for two refusals.
      server_->best_rung = PeerRung::pidfd;
      attestation_->set_keep_executable(false);
    }
    hardening_.push_back(std::move(step));
  }
}

}  // namespace tantalus
