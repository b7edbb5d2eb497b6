// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/audit/line.h"

namespace tantalus {

/// A line that was read back: views into its bytes. Strict: one flat JSON object as AuditChain writes it, with members
/// that it may gain; no spaces, no member twice, `seq` first, `prev` and `hash` last.
class ParsedAuditLine {
 public:
  /// `line` without its end of line, which outlives the result. Unset: not such a line.
  [[nodiscard]] static std::optional<ParsedAuditLine> parse(std::string_view line) noexcept;

  [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }
  [[nodiscard]] std::string_view prev() const noexcept { return prev_; }
  [[nodiscard]] std::string_view hash() const noexcept { return hash_; }
  [[nodiscard]] std::string_view hashed_bytes() const noexcept { return hashed_bytes_; }

  /// A text member, unescaped; unset when it is absent or no text.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<bool> flag(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<WallMicros> time() const;

 private:
  struct Member {
    std::string_view name;
    std::string_view value;  ///< As it stands; a text without its quotes.
    bool is_text = false;
  };
  static constexpr std::size_t max_members = 64;

  [[nodiscard]] const Member* find(std::string_view name) const noexcept;
  std::array<Member, max_members> members_;
  std::size_t size_ = 0;
  std::uint64_t seq_ = 0;
  std::string_view prev_, hash_, hashed_bytes_;
};

/// RFC 3339, as a line's `time` or shorter: `2026-08-01`, `2026-08-01T12:30Z`, `2026-08-01T12:30:00.5+02:00`; without
/// an offset it is UTC.
[[nodiscard]] std::optional<WallMicros> parse_time(std::string_view text) noexcept;

}  // namespace tantalus
