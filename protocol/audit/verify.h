// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/error.h"

namespace tantalus {

/// The first line that breaks the chain.
struct AuditFinding {
  enum class Kind : std::uint8_t {
    changed,  ///< The line's bytes don't have its hash, or the next line's `prev` is not its hash.
    missing,  ///< Lines between this one and the one before are not there.
    put_in,   ///< The lines around it follow each other without it.
    no_head,  ///< No line has the hash that was given as head: the tail was cut off, or the chain made anew.
  };
  Kind kind;
  std::string file;        ///< Empty for no_head.
  std::uint64_t line = 0;  ///< From 1, in its file.
  std::string what;        ///< A sentence for people: `line 7 (seq 7) was changed`.
};

struct AuditVerdict {
  std::uint64_t lines = 0;      ///< Whole lines of the chain, up to the finding.
  std::uint64_t first_seq = 0;  ///< 1: from the very beginning. 0: there are no lines.
  std::uint64_t last_seq = 0;
  std::string head;        ///< The last good line's hash.
  std::uint64_t torn = 0;  ///< Torn lines that a later `start` line names.
  bool ends_torn = false;  ///< The last file ends in the middle of a line.
  std::optional<AuditFinding> finding;
  [[nodiscard]] bool is_whole() const noexcept { return !finding; }
};

/// Reads a trail's files in their order, oldest first, and checks the chain over all of them. Holds one line at a time.
class AuditVerifier {
 public:
  /// `head`: the hash of a line that must be in the chain, known from elsewhere; not empty: 64 lower-case hex digits.
  explicit AuditVerifier(std::string_view head = {});
  AuditVerifier(AuditVerifier&&) noexcept;
  ~AuditVerifier();

  /// False: a finding was made, the rest needn't be read.
  bool read(std::istream& in, std::string_view name);
  [[nodiscard]] AuditVerdict finish();

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Fails with invalid_request where a file can't be read, or `head` is no hash.
[[nodiscard]] Result<AuditVerdict> verify_audit(std::span<const std::string> files,
                                                std::optional<std::string_view> head);

}  // namespace tantalus
