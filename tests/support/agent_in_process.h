// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "agent/audit/audit.h"
#include "agent/loop/unix_socket.h"
#include "agent/resolve/resolver.h"
#include "agent/resolve/subscriptions.h"
#include "agent/server/connection.h"
#include "agent/server/listener.h"
#include "agent/server/service.h"
#include "agent/server/turn.h"
#include "tests/support/waiting_backend.h"

namespace tantalus::test {

struct AgentOptions {
  LimitsConfig limits;
  CacheConfig cache;
  AuditConfig audit;  ///< `path` as by default: a file of its own.
  bool admin = false;
  bool with_domain = true;
};

/// The agent's real parts around a WaitingBackend, on the test's thread, serving the test's own uid as domain `mine`
/// over a real socket. The test turns the loop by turn() or until().
class AgentInProcess {
 public:
  using Options = AgentOptions;
  explicit AgentInProcess(Options options = {});
  ~AgentInProcess();

  /// Lets the loop turn for a moment.
  void turn();
  /// Turns until it holds; false after ten seconds.
  [[nodiscard]] bool until(const std::function<bool()>& holds);
  [[nodiscard]] std::function<void()> turner() {
    return [this] { turn(); };
  }

  [[nodiscard]] const std::string& socket() const noexcept { return socket_path_; }
  [[nodiscard]] std::string audit_text() const;
  [[nodiscard]] const std::string& audit_path() const noexcept { return audit_path_; }
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

  Loop loop;
  std::unique_ptr<Arena> arena;
  std::unique_ptr<Cache> cache;
  std::unique_ptr<WaitingBackend> backend;
  std::unique_ptr<Audit> audit;
  std::unique_ptr<Resolver> resolver;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<Subscriptions> subscriptions;
  DomainTable domains;
  std::unique_ptr<Attestation> attestation;
  std::unique_ptr<Quota> quota;
  MessageReader reader;
  std::unique_ptr<Service> service;
  std::unique_ptr<Turn> turns;
  std::unique_ptr<Listener> listener;
  /// Called before each sleep, after the agent's own hook.
  std::function<void()> after_turn;

 private:
  std::string directory_;
  std::string socket_path_;
  std::string audit_path_;
  BoundSocket bound_;
  void* scratch_ = nullptr;
  std::array<std::unique_ptr<Deadlines>, 4> deadlines_;
  std::unique_ptr<ServerParts> parts_;
  std::unique_ptr<Timer> stop_;
};

}  // namespace tantalus::test
