// SPDX-License-Identifier: Apache-2.0
#include "protocol/audit/query.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/audit/parse.h"
#include "protocol/audit/pieces.h"

namespace tantalus {
namespace {

/// `namespace/name` of a pod or a service account, or its name alone where no namespace is told.
std::optional<std::string> with_namespace(const ParsedAuditLine& line, std::string_view member) {
  std::optional<std::string> name = line.text(member);
  const std::optional<std::string> space = line.text("namespace");
  return name && space ? *space + "/" + *name : name;
}

bool has(const ParsedAuditLine& line, std::string_view member, const std::optional<std::string>& wanted) {
  return !wanted || line.text(member) == *wanted;
}

bool is_kept(const ParsedAuditLine& line, const AuditFilter& filter) {
  const bool has_pod = !filter.pod || line.text("pod") == *filter.pod || with_namespace(line, "pod") == *filter.pod;
  if (!has_pod || !has(line, "domain", filter.domain) || !has(line, "key", filter.key) ||
      !has(line, "outcome", filter.outcome)) {
    return false;
  }
  const std::optional<WallMicros> time = filter.since ? line.time() : std::nullopt;
  return !filter.since || (time && *time >= *filter.since);
}

template <class Visit>
std::uint64_t visit_lines(std::istream& in, const AuditFilter& filter, Visit visit) {
  std::uint64_t strangers = 0;
  LinePieces pieces(in, AuditChain::max_line);
  LinePieces::Piece piece;
  while (pieces.next(piece)) {
    const bool is_whole = piece.starts && piece.ends;
    const std::optional<ParsedAuditLine> line = is_whole ? ParsedAuditLine::parse(piece.bytes) : std::nullopt;
    if (!line) {
      strangers += piece.ends ? 1 : 0;
    } else if (is_kept(*line, filter)) {
      visit(*line, piece.bytes);
    }
  }
  return strangers;
}

std::optional<std::string> group_of(const ParsedAuditLine& line, AuditGroupBy by) {
  switch (by) {
    case AuditGroupBy::key:
      return line.text("key");
    case AuditGroupBy::pod:
      return with_namespace(line, "pod");
    case AuditGroupBy::service_account:
      return with_namespace(line, "service_account");
    case AuditGroupBy::domain:
      return line.text("domain");
  }
  return std::nullopt;
}

}  // namespace

std::optional<AuditGroupBy> group_by_from_text(std::string_view text) noexcept {
  if (text == "key") {
    return AuditGroupBy::key;
  }
  if (text == "pod") {
    return AuditGroupBy::pod;
  }
  if (text == "service_account") {
    return AuditGroupBy::service_account;
  }
  return text == "domain" ? std::optional(AuditGroupBy::domain) : std::nullopt;
}

std::optional<WallMicros> parse_since(std::string_view text, WallMicros now) noexcept {
  if (const std::optional<WallMicros> time = parse_time(text)) {
    return time;
  }
  std::uint32_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (problem != std::errc()) {
    return std::nullopt;
  }
  const std::int64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3'600 : unit == "d" ? 86'400 : 0;
  return seconds > 0 ? std::optional(now - std::chrono::seconds(seconds * number)) : std::nullopt;
}

std::uint64_t query_audit(std::istream& in, const AuditFilter& filter,
                          const std::function<void(std::string_view line)>& on_line) {
  return visit_lines(in, filter, [&](const ParsedAuditLine&, std::string_view bytes) { on_line(bytes); });
}

AuditGrouping::AuditGrouping(AuditFilter filter, AuditGroupBy by) : filter_(std::move(filter)), by_(by) {}

std::uint64_t AuditGrouping::read(std::istream& in) {
  return visit_lines(in, filter_, [&](const ParsedAuditLine& line, std::string_view) {
    const std::optional<std::string> name = group_of(line, by_);
    if (!name) {
      return;
    }
    const WallMicros time = line.time().value_or(WallMicros{});
    const auto [found, is_new] = groups_.try_emplace(*name);
    AuditGroup& group = found->second;
    if (is_new) {
      group.name = *name;
      group.first = time;
      group.last = time;
    }
    const std::uint64_t count = line.number("count").value_or(1);
    group.count += count;
    group.first = std::min(group.first, time);
    group.last = std::max(group.last, time);
    group.outcomes[line.text("outcome").value_or("")] += count;
  });
}

std::vector<AuditGroup> AuditGrouping::groups() const {
  std::vector<AuditGroup> groups;
  groups.reserve(groups_.size());
  for (const auto& [name, group] : groups_) {
    groups.push_back(group);
  }
  return groups;
}

}  // namespace tantalus
