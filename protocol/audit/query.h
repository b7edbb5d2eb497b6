// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/audit/line.h"
#include "protocol/error.h"

namespace tantalus {

/// What `tantalus audit query` keeps: lines that have all that is set.
struct AuditFilter {
  std::optional<std::string> domain{};
  std::optional<std::string> key{};
  std::optional<std::string> outcome{};
  std::optional<std::string> pod{};  ///< Its name, or `namespace/name`.
  std::optional<WallMicros> since{};
};

enum class AuditGroupBy : std::uint8_t { key, pod, service_account, domain };
[[nodiscard]] std::optional<AuditGroupBy> group_by_from_text(std::string_view text) noexcept;

/// Lines of one name. `name`: of a pod or service account with its namespace, `namespace/name`.
struct AuditGroup {
  std::string name;
  std::uint64_t count = 0;  ///< What happened so often: a line counts as its `count`, or once.
  WallMicros first{}, last{};
  std::map<std::string, std::uint64_t> outcomes;
};

/// `--since`: a time as parse_time() takes it, or how long ago: `90s`, `30m`, `12h`, `7d`.
[[nodiscard]] std::optional<WallMicros> parse_since(std::string_view text, WallMicros now) noexcept;

/// Calls `on_line` with each line (as it stands, without its end) that the filter keeps, in the order of the files.
/// What is no line of a trail is passed over and counted: query looks, verify judges. Gives that count.
std::uint64_t query_audit(std::istream& in, const AuditFilter& filter,
                          const std::function<void(std::string_view line)>& on_line);

/// Groups what the filter keeps, in the order of names. Lines without the member that is grouped by are left out.
class AuditGrouping {
 public:
  AuditGrouping(AuditFilter filter, AuditGroupBy by);
  /// Gives the count of what is no line of a trail.
  std::uint64_t read(std::istream& in);
  [[nodiscard]] std::vector<AuditGroup> groups() const;

 private:
  AuditFilter filter_;
  AuditGroupBy by_;
  std::map<std::string, AuditGroup> groups_;
};

}  // namespace tantalus
