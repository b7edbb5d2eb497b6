// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "agent/config/load.h"
#include "agent/log/log.h"
#include "protocol/error.h"

namespace tantalus {

/// The exit codes of `tantalusd` (docs/man/tantalusd.8).
struct ExitCode {
  static constexpr int stopped = 0;
  static constexpr int usage = 2;
  static constexpr int internal = 70;
  static constexpr int system = 71;         ///< Memory lock, a socket in use, the audit file.
  static constexpr int configuration = 78;  ///< Refused; also by --check-config.
};

/// Why it could not start: what to print, and what to exit with.
struct StartFailure {
  int exit_code;
  std::string message;
};

/// The composition root: builds every part in order, reloads, drains. The only place that knows all of them.
class Daemon {
 public:
  /// Binds, maps, loads and gives up what it does not need; serves once run() is called.
  [[nodiscard]] static std::expected<std::unique_ptr<Daemon>, StartFailure> start(LoadedConfig loaded, Log& log);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Until a signal ends it. The exit code.
  [[nodiscard]] int run();

 private:
  class Parts;
  explicit Daemon(std::unique_ptr<Parts> parts) noexcept;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tantalus
