// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "cache/answer.h"
#include "cache/grant.h"
#include "protocol/error.h"
#include "protocol/instant.h"

namespace tantalus {

/// What a caller could resolve, without a value.
struct CatalogEntry {
  std::string key;
  std::string version;  ///< Empty: not known.
  std::optional<WallMillis> updated_at;
  std::string updated_by;  ///< Empty: not known. A claim.
};

enum class Health : std::uint8_t { ok, degraded, down };
[[nodiscard]] std::string_view to_text(Health health) noexcept;

/// How a backend is. `why` is from a fixed list and may reach callers (`explain`); `detail` (a file, line and column,
/// in our own words) is for the log and operators alone.
struct BackendState {
  Health health = Health::ok;
  std::string_view why;
  std::string detail;
  Instant since{};
};

/// Hears that the bytes of one key changed, appeared or went: once a fetch would give the new state, and never because
/// of the agent's own start. Also of a backend's change of health. Called on the loop thread.
class ChangeListener {
 public:
  virtual void on_value_changed(Source source, IntegrationId integration, std::string_view object,
                                std::string_view key) = 0;
  virtual void on_health_changed(Source source) = 0;

 protected:
  ~ChangeListener() = default;
};

/// A place where secrets are kept. Holds no cache, never logs, and waits only through Io. Loop thread only.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual Source source() const noexcept = 0;
  /// Fails with not_found, invalid_request (`field`), unavailable, misconfigured, too_large or overloaded, nothing
  /// else. `cancel` outlives the task.
  [[nodiscard]] virtual Task<Result<Answer>> fetch(StoredGrant grant, Instant deadline, Cancel& cancel) = 0;
  /// The keys of one store object (its suffix as in Grant::object). Fails as fetch() does, but never with not_found:
  /// an object that isn't there has no keys.
  [[nodiscard]] virtual Task<Result<std::vector<CatalogEntry>>> list(DomainId domain, std::string object,
                                                                     Instant deadline, Cancel& cancel) = 0;
  /// What explain() and readiness tell of an object of this backend.
  [[nodiscard]] virtual BackendState state(std::string_view object) const = 0;
};

}  // namespace tantalus
