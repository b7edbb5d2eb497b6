// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/audit/sha256.h"

namespace tantalus {

using WallMicros = std::chrono::sys_time<std::chrono::microseconds>;

/// One line of the trail (docs/operations.md, "Audit"), without what the chain adds: seq, prev, hash. Members in the
/// order in which they are written; an empty text and an unset optional are absent. Views, borrowed for the call.
struct AuditLine {
  WallMicros time{};
  std::string_view event;
  std::string_view outcome;
  std::string_view domain;
  std::optional<bool> admin;
  std::string_view attested_by, pod, namespace_name, service_account, pod_uid, container, unit;
  std::optional<std::uint32_t> uid;
  std::optional<std::int32_t> pid;
  std::string_view exe;
  std::string_view source, scope, id, key, version;
  std::optional<bool> cached, stale;
  std::optional<std::uint64_t> age_ms, took_us, count;
  std::optional<std::uint64_t> torn_bytes;  ///< A torn line before this one: how long it is, and its SHA-256.
  std::string_view torn_hash;
  std::string_view detail;
};

/// Where a chain stands: its last line's seq and hash. A chain that has no line is at 0 and 64 zeros.
struct ChainHead {
  ChainHead() { hash.fill('0'); }
  ChainHead(std::uint64_t last_seq, const HashText& last_hash) : seq(last_seq), hash(last_hash) {}
  std::uint64_t seq = 0;
  HashText hash;
};

/// Writes lines as JSON objects in ASCII: whatever bytes a caller chose, a line is one line, is JSON, and moves no
/// terminal's cursor. Texts are cut after max_text bytes and then end in U+2026. No allocation once `out` has grown.
class AuditChain {
 public:
  static constexpr std::size_t max_text = 512;
  /// More than the longest line can have: every text at its most, each byte an escape.
  static constexpr std::size_t max_line = std::size_t{128} * 1024;

  explicit AuditChain(ChainHead head = {}) : head_(head) {}

  /// Appends the chain's next line and its end of line.
  void append(std::string& out, const AuditLine& line);
  [[nodiscard]] const ChainHead& head() const noexcept { return head_; }
  /// Goes on from there: what was appended since was not written, or another file goes on with its own chain.
  void set_head(const ChainHead& head) noexcept { head_ = head; }

 private:
  void append_time(std::string& out, WallMicros time);
  ChainHead head_;
  Sha256 sha256_;
  std::chrono::sys_seconds second_{std::chrono::sys_seconds::min()};
  std::string second_text_;
};

}  // namespace tantalus
