// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "protocol/error.h"
#include "protocol/instant.h"

/// What operators may look at, as plain values: the daemon fills them, the debug socket shows them
/// (docs/operations.md). None of it ever holds a value, a token or a credential.
namespace tantalus {

struct BackendReport {
  std::string backend;
  std::string domain;  ///< Empty: of no domain.
  std::string id;      ///< A Vault integration; empty elsewhere.
  Health state = Health::ok;
  std::optional<WallMillis> since_at;
  std::string why;  ///< For operators: a file, line and column in our own words.
};

struct ReadinessReport {
  bool ready = false;
  std::vector<BackendReport> backends;
};

struct StatusReport {
  struct Config {
    std::string path;
    std::string sha256;
    WallMillis loaded_at{};
    std::string outcome;  ///< "ok", or "refused" where the last reload was.
    std::string error;    ///< Empty: none.
  };
  struct Memory {
    std::string_view kind;  ///< "memfd_secret" or "mlock".
    std::uint64_t limit = 0;
    std::uint64_t used = 0;
    std::uint64_t peak = 0;
  };
  struct Audit {
    std::uint64_t seq = 0;
    std::string hash;
  };
  struct Step {
    std::string step;
    bool in_force = false;
    std::string why;
  };

  std::string version;
  std::string commit;
  WallMillis started_at{};
  Millis uptime{0};
  Config config;
  std::uint64_t loop_lag_us_p50 = 0;
  std::uint64_t loop_lag_us_p99 = 0;
  Memory memory;
  std::uint64_t connections = 0;
  std::uint64_t fds_open = 0;
  std::uint64_t fds_limit = 0;
  std::string_view peer;       ///< "pidfd" or "weak".
  std::optional<Audit> audit;  ///< Unset: off.
  std::vector<Step> hardening;
};

/// Which entries of the cache are meant. Unset: any.
struct CacheFilter {
  std::optional<std::string> domain;
  std::optional<std::string> source;
  std::optional<std::string> scope;
  std::optional<std::string> key;
};

/// One entry. Views: borrowed for the visit. `integration` and `asked_version` tell entries apart that look alike.
struct CacheReport {
  std::string_view domain;  ///< Its name; empty for the global and the admin store.
  std::string_view source;
  std::string_view scope;
  std::string_view id;
  std::string_view key;
  std::string_view field;
  std::string_view version;
  std::uint32_t integration = 0;
  std::uint32_t asked_version = 0;
  std::uint64_t bytes = 0;
  Millis age{0};
  Millis ttl{0};
  std::string_view state;  ///< "fresh", "refreshing", "stale" or "negative".
  std::uint64_t hits = 0;
  WallMillis used_at{};
};

/// Who asked, for the audit line.
struct Operator {
  pid_t pid = 0;
  uid_t uid = 0;
};

/// The daemon as the debug socket sees it. Loop thread only; calls end at once.
class Inspect {
 public:
  virtual ~Inspect() = default;
  [[nodiscard]] virtual ReadinessReport readiness() const = 0;
  [[nodiscard]] virtual StatusReport status() const = 0;
  /// Entries that match, in any order. The visitor keeps nothing.
  virtual void visit_cache(const CacheFilter& filter, const std::function<void(const CacheReport&)>& visit) const = 0;
  /// Flushes, wipes and writes the audit line, and says how many entries went. Fails with `unavailable`, and flushes
  /// nothing, when the line can't be written and the policy is `deny` (promise 9).
  [[nodiscard]] virtual Result<std::size_t> flush_cache(const CacheFilter& filter, const Operator& who) = 0;
};

}  // namespace tantalus
