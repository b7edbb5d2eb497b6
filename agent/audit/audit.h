// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/audit/record.h"
#include "agent/config/config.h"
#include "agent/loop/loop.h"
#include "protocol/error.h"

namespace tantalus {

/// The trail (docs/operations.md, "Audit"; promise 9): chained lines, those of one turn in one write(2), before any of
/// the turn's answers leaves. Loop thread only; fsync(2) runs on a helper thread.
class Audit {
 public:
  /// Opens (0640, append), reads the last line to go on with its chain and seq, and names a torn one in the `start`
  /// line. With `deny`, a path that can't be opened fails with a message that names it and what to do.
  [[nodiscard]] static Result<std::unique_ptr<Audit>> open(const AuditConfig& config, Loop& loop,
                                                           std::string_view version);
  ~Audit();
  Audit(const Audit&) = delete;
  Audit& operator=(const Audit&) = delete;

  /// Adds what happened to the turn's batch, or to a sum where the identity is over `audit.lines`. No allocation in
  /// the steady state, no system call.
  void record(const AuditRecord& record);
  /// Writes the turn's batch. False: it could not be written and the policy is `deny`, so no answer of this turn may
  /// leave. Free when nothing was recorded.
  [[nodiscard]] bool flush();
  /// False while the last write or sync failed and the policy is `deny`.
  [[nodiscard]] bool is_healthy() const noexcept;
  /// What last failed, for the log and operators; empty while nothing does.
  [[nodiscard]] const std::string& problem() const noexcept;
  /// Closes and opens the path anew (SIGUSR1).
  void reopen();
  /// Writes the sums that are due and the `stop` line, then fsyncs. Before exit.
  void finish();
  /// `lines`, `sync`, `on_failure`, `max_bytes`, `keep` and a new path, on reload. A path that can't be opened is
  /// refused, and nothing changes.
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
