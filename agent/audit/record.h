// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/identity/identity.h"
#include "protocol/audit/line.h"
#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus {

enum class AuditEvent : std::uint8_t {
  resolve,
  explain,
  list,
  subscribe,
  refuse,
  login,
  renew,
  flush,
  revoke,
  test,
  reload,
  start,
  stop,
};
[[nodiscard]] std::string_view to_text(AuditEvent event) noexcept;

/// One thing that happened. Views: only borrowed for the call of record().
struct AuditRecord {
  AuditEvent event = AuditEvent::resolve;
  std::optional<Code> failure{};  ///< Unset: `ok`.
  const Identity* who = nullptr;  ///< Null: unattested, or the agent itself.
  pid_t unattested_pid = 0;       ///< Where `who` is null and a peer is known: its pid and uid by the kernel.
  uid_t unattested_uid = 0;
  bool has_peer = false;
  std::optional<Source> source{};
  std::optional<Scope> scope{};
  std::string_view id{};
  std::string_view key{};
  std::string_view version{};
  bool of_value = false;  ///< A value was answered: `cached`, `stale`, `age_ms` have a meaning.
  bool cached = false;
  bool stale = false;
  Millis age{0};
  std::optional<std::chrono::nanoseconds> took{};
  std::uint64_t count = 0;    ///< 0: absent.
  std::string_view detail{};  ///< For start, stop, reload: what, in our own words; member `detail`.
};

/// The whole line of a record, of views of it and of its identity.
[[nodiscard]] AuditLine line_of(const AuditRecord& record, WallMicros time) noexcept;

}  // namespace tantalus
