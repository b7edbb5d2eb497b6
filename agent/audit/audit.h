// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config/config.h"
#include "agent/identity/identity.h"
#include "agent/loop/loop.h"
#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus {

enum class AuditEvent : std::uint8_t {
  resolve, explain, list, subscribe, refuse, login, renew, flush, revoke, test, reload, start, stop,
};
[[nodiscard]] std::string_view to_text(AuditEvent event) noexcept;

/// One thing that happened. Views: only borrowed for the call of record().
struct AuditRecord {
  AuditEvent event;
  std::optional<Code> failure;           ///< Unset: `ok`.
  const Identity* who = nullptr;         ///< Null: unattested, or the agent itself.
  pid_t unattested_pid = 0;              ///< Where `who` is null and a peer is known: its pid and uid by the kernel.
  uid_t unattested_uid = 0;
  bool has_peer = false;
  std::optional<Source> source;
  std::optional<Scope> scope;
  std::string_view id;
  std::string_view key;
  std::string_view version;
  bool of_value = false;                 ///< A value was answered: `cached`, `stale`, `age_ms` have a meaning.
  bool cached = false;
  bool stale = false;
  Millis age{0};
  std::optional<std::chrono::nanoseconds> took;
  std::uint64_t count = 0;               ///< 0: absent.
  std::string_view detail;               ///< For start, stop, reload: what, in our own words; member `detail`.
};

/// The trail (docs/operations.md, "Audit"; promise 9): chained lines, those of one turn in one write(2), before any of
/// the turn's answers leaves. Loop thread only; fsync(2) runs on a helper thread.
class Audit {
 public:
  /// Opens (0640, append), reads the last line to go on with its chain and seq, and names a torn one in the `start`
  /// line. With `deny`, a path that can't be opened fails with a message that names it and what to do.
  [[nodiscard]] static Result<std::unique_ptr<Audit>> open(const AuditConfig& config, Loop& loop, std::string_view version);
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  /// Adds what happened to the turn's batch, or to a sum where the identity is over `audit.lines`. No allocation in
  /// the steady state, no system call.
  void record(const AuditRecord& record);
  /// Writes the turn's batch. False: it could not be written and the policy is `deny`, so no answer of this turn may
  /// leave. Free when nothing was recorded.
  [[nodiscard]] bool flush();
  /// False while the last write failed and the policy is `deny`.
  [[nodiscard]] bool is_healthy() const noexcept;
  /// Closes and opens the path anew (SIGUSR1).
  void reopen();
  /// Writes the sums that are due and the `stop` line, then fsyncs. Before exit.
  void finish();
  /// `lines`, `sync`, `on_failure`, `max_bytes`, `keep` and a new path, on reload.
  [[nodiscard]] Result<void> reconfigure(const AuditConfig& config);

  struct Head {
    std::uint64_t seq;
    std::string hash;
  };
  [[nodiscard]] Head head() const;
  struct Counters {
    std::uint64_t lines = 0;
    std::uint64_t failures = 0;
  };
  [[nodiscard]] Counters counters() const noexcept;

  class State;

 private:
  explicit Audit(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
