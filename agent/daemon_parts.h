// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/audit/audit.h"
#include "agent/config/load.h"
#include "agent/daemon.h"
#include "agent/identity/attestor.h"
#include "agent/log/log.h"
#include "agent/loop/loop.h"
#include "agent/loop/unix_socket.h"
#include "agent/observe/debug.h"
#include "agent/observe/inspect.h"
#include "agent/process/harden.h"
#include "agent/process/systemd.h"
#include "agent/resolve/resolver.h"
#include "agent/resolve/subscriptions.h"
#include "agent/server/connection.h"
#include "agent/server/deadlines.h"
#include "agent/server/listener.h"
#include "agent/server/quota.h"
#include "agent/server/service.h"
#include "agent/server/turn.h"
#include "backends/async/gate.h"
#include "backends/file/secrets.h"
#include "cache/arena.h"
#include "cache/cache.h"

namespace tantalus {

/// A socket of ours: bound here, or inherited and then never unlinked.
struct OwnSocket {
  std::string path;
  BoundSocket bound;
  bool inherited = false;
};

/// Everything the daemon is made of, in the order in which it is built; destroyed in the opposite one. What is below
/// uses only what stands above it.
class Daemon::Parts final : public Inspect, public ChangeListener {
 public:
  Parts(LoadedConfig loaded, Log& to);
  ~Parts() override;

  // daemon_start.cpp
  [[nodiscard]] std::optional<StartFailure> build();
  // daemon.cpp
  [[nodiscard]] int run();
  // daemon_reload.cpp
  /// Reads the configuration again, builds what it makes, then swaps it in; a bad one is refused whole.
  [[nodiscard]] Result<void> reload(std::string_view cause);
  [[nodiscard]] Task<void> watch_config();

  // Inspect, daemon_inspect.cpp
  [[nodiscard]] ReadinessReport readiness() const override;
  [[nodiscard]] StatusReport status() const override;
  void visit_cache(const CacheFilter& filter, const std::function<void(const CacheReport&)>& visit) const override;
  [[nodiscard]] Result<std::size_t> flush_cache(const CacheFilter& filter, const Operator& who) override;

  // ChangeListener: on to the resolver, and health to the log.
  void on_value_changed(Source source, IntegrationId integration, std::string_view object,
                        std::string_view key) override;
  void on_health_changed(Source source) override;

 private:
  [[nodiscard]] std::optional<StartFailure> build_memory();
  [[nodiscard]] std::optional<StartFailure> build_sockets();
  [[nodiscard]] std::optional<StartFailure> build_backends();
  [[nodiscard]] std::optional<StartFailure> build_server();
  void build_debug();
  void harden_process();
  [[nodiscard]] bool was_given_up(const AuditConfig& audit) const;
  [[nodiscard]] Result<void> swap_config();
  [[nodiscard]] Result<std::unique_ptr<FileSecrets>> make_file_backend(const Config& config);
  [[nodiscard]] Task<void> replace_file_backend(std::unique_ptr<FileSecrets> next);
  void release_former_files();
  [[nodiscard]] Task<void> serve_when_loaded();
  void stop_waiting();
  void note_text(std::string_view text);
  [[nodiscard]] bool is_meant(const CacheFilter& filter, const CacheEntry& entry) const;
  [[nodiscard]] std::optional<WallMillis> wall_of(Instant when) const;
  void begin_drain();
  void check_drained();
  static void close_socket(OwnSocket& socket);

  Config config_;
  std::string config_path_;
  Log& log_;
  WallMillis started_at_{};
  Instant started_{};
  std::vector<HardeningStep> hardening_;
  std::vector<std::string> writable_;  ///< Where Landlock, if it is in force, lets it write.
  PeerRung peer_rung_ = PeerRung::weak;

  Loop loop_;
  std::optional<Notifier> notifier_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Cache> cache_;
  /// Those that a reload replaced: reads that were under way may still use them.
  std::vector<std::unique_ptr<FileSecrets>> former_files_;
  std::unique_ptr<FileSecrets> file_;
  const FileSecrets* loading_first_ = nullptr;  ///< While it is read for the first time.
  std::unique_ptr<Resolver> resolver_;
  DomainTable domains_;
  std::unique_ptr<Attestation> attestation_;
  std::unique_ptr<Quota> quota_;
  std::unique_ptr<MessageReader> reader_;
  void* scratch_ = nullptr;  // Of the arena.
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Subscriptions> subscriptions_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Turn> turn_;
  std::array<std::unique_ptr<Deadlines>, 4> deadlines_;
  std::optional<ServerParts> server_;
  OwnSocket resolve_socket_;
  std::optional<OwnSocket> debug_socket_;
  std::optional<gid_t> debug_group_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<DebugServer> debug_;
  std::unique_ptr<PathWatch> config_watch_;
  Cancel config_cancel_;
  std::vector<std::unique_ptr<Cancel>> former_cancels_;
  std::unique_ptr<Cancel> file_cancel_ = std::make_unique<Cancel>();
  std::optional<Timer> watchdog_;
  std::optional<Timer> drain_;
  bool draining_ = false;
  bool loaded_ = false;
  std::uint64_t file_generation_ = 0;
  std::uint64_t seen_fingerprint_ = 0;  ///< Of the text last tried, good or not.

  struct LastReload {
    WallMillis at{};
    std::string outcome = "ok";
    std::string error;
    std::string sha256;  ///< Of the text in force.
  } last_reload_;
};

}  // namespace tantalus
