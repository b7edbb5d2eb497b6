// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/audit/record.h"
#include "agent/identity/identity.h"

namespace tantalus {

/// Who gets lines of their own, and what is counted instead (`audit.lines`, trap 143). An identity has its lines of a
/// second; beyond them the first answer of each event, outcome and place is a line before it leaves, the rest are
/// counted, and the count is one line once the second is over. Refusals of connections and the like (`refuse`) are
/// counted from the start: one line a second for each identity and outcome.
///
/// Bounded: an identity has at most max_places of them a second, all together max_sums; what goes beyond is counted
/// without its place. Nothing counted is lost when a write fails: counts leave by commit() alone. No allocation in the
/// steady state. Loop thread only.
class AuditSums {
 public:
  static constexpr std::size_t max_places = 256;
  static constexpr std::size_t max_sums = 8192;

  enum class Fate : std::uint8_t {
    line,          ///< Write it.
    counted_line,  ///< Write it, with the count 1.
    counted,       ///< It is in a count, which is due at the second's end.
  };

  AuditSums();
  ~AuditSums();
  AuditSums(const AuditSums&) = delete;
  AuditSums& operator=(const AuditSums&) = delete;

  void set_lines_per_second(std::uint32_t lines) noexcept { lines_per_second_ = lines; }

  /// Whether due() must be asked for before a note() of this second.
  [[nodiscard]] bool is_due(std::int64_t second) const noexcept { return second != second_ && !sums_.empty(); }
  [[nodiscard]] Fate note(const AuditRecord& record, std::int64_t second);

  struct Sum;
  /// Starts a second, or ends the last one: every count that is to be a line. They stay counted until commit().
  [[nodiscard]] std::span<Sum* const> due(std::int64_t second);
  /// A count's line; views of the sum.
  [[nodiscard]] static AuditLine line_of(const Sum& sum, WallMicros time) noexcept;

  /// The turn's lines are written: what was due is no longer counted.
  void commit() noexcept;
  /// They are not: what was due is counted on, and what the turn counted is taken back unless its answers leave.
  void rollback(bool answers_leave) noexcept;

  [[nodiscard]] bool has_counts() const noexcept { return counted_ > 0; }
  /// Something was counted since the last commit() or rollback().
  [[nodiscard]] bool has_new_counts() const noexcept { return !touched_.empty(); }

 private:
  /// Whose counts they are: what of an identity is the same on all of its connections.
  struct Who {
    const Domain* domain = nullptr;
    bool is_attested = false;
    bool admin = false;
    AttestorKind kind = AttestorKind::user;
    uid_t uid = 0;
    std::string pod, namespace_name, service_account, pod_uid, unit;
  };
  struct Account {
    std::int64_t second = -1;
    std::uint32_t lines = 0;
    std::size_t places = 0;
    std::shared_ptr<const Who> who;  // Shared with sums, which outlive a change of the identity's domain.
  };

  [[nodiscard]] Account& account_of(const AuditRecord& record, std::int64_t second);
  static void refresh(Account& account, const AuditRecord& record);
  [[nodiscard]] Sum* find(const Account& account, const AuditRecord& record, bool has_place) noexcept;
  void add(const Account& account, const AuditRecord& record, bool has_place);
  void count(Sum& sum);
  template <class Drop>
  void drop_if(Drop drop) noexcept;

  std::uint32_t lines_per_second_ = 0;
  std::int64_t second_ = -1;
  std::unordered_map<PrincipalId, Account> accounts_;  // Those of earlier seconds go when it has doubled.
  std::size_t sweep_at_ = 4096;
  std::vector<std::unique_ptr<Sum>> sums_;
  std::vector<std::unique_ptr<Sum>> free_;  // With their strings, for the next ones.
  std::vector<Sum*> buckets_;
  std::vector<Sum*> touched_;
  std::vector<Sum*> due_;
  std::vector<Sum*> given_;
  std::uint64_t counted_ = 0;
};

}  // namespace tantalus
