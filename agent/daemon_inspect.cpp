// SPDX-License-Identifier: Apache-2.0
// What operators see of the daemon.
#include <sys/resource.h>

#include <utility>

#include "agent/daemon_parts.h"
#include "agent/process/limits.h"
#include "agent/version.h"

namespace tantalus {
namespace {

bool matches(const std::optional<std::string>& wanted, std::string_view is) {
  return !wanted.has_value() || *wanted == is;
}

}  // namespace

ReadinessReport Daemon::Parts::readiness() const {
  ReadinessReport report;
  bool any_up = false;
  if (file_ != nullptr) {
    BackendState state = file_->state({});
    report.backends.push_back({.backend = std::string(to_text(Source::file)),
                               .domain = {},
                               .id = {},
                               .state = state.health,
                               .since_at = wall_of(state.since),
                               .why = state.detail.empty() ? std::string(state.why) : std::move(state.detail)});
    any_up = state.health != Health::down;
  }
  // Ready while something can be answered, be it from what is cached (trap 110).
  report.ready =
      loaded_ && !draining_ && config_.secrets_v2 && audit_->is_healthy() && (any_up || cache_->counters().entries > 0);
  return report;
}

std::optional<WallMillis> Daemon::Parts::wall_of(Instant when) const {
  if (when == Instant{}) {
    return std::nullopt;
  }
  return loop_.wall_now() - to_millis(loop_.now() - when);
}

StatusReport Daemon::Parts::status() const {
  StatusReport report;
  report.version = version_text;
  report.commit = commit_text;
  report.started_at = started_at_;
  report.uptime = to_millis(loop_.now() - started_);
  report.config = {config_path_, last_reload_.sha256, last_reload_.at, last_reload_.outcome, last_reload_.error};
  report.loop_lag_us_p50 = turn_->lag().quantile(0.5);
  report.loop_lag_us_p99 = turn_->lag().quantile(0.99);
  const Arena::Usage usage = arena_->usage();
  report.memory = {usage.kind == Arena::Kind::memfd_secret ? "memfd_secret" : "mlock", usage.limit, usage.used,
                   usage.peak};
  report.connections = listener_->size();
  report.fds_open = count_open_descriptors();
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  report.fds_limit = descriptors.rlim_cur;
  report.peer = peer_rung_ == PeerRung::weak ? "weak" : "pidfd";
  if (!config_.audit.path.empty()) {
    Audit::Head head = audit_->head();
    report.audit = StatusReport::Audit{head.seq, std::move(head.hash)};
  }
  for (const HardeningStep& step : hardening_) {
    report.hardening.push_back({std::string(step.step), step.in_force, step.why});
  }
  return report;
}

bool Daemon::Parts::is_meant(const CacheFilter& filter, const CacheEntry& entry) const {
  const Grant grant = entry.grant.view();
  const Domain* domain = domains_.find(grant.domain);
  return matches(filter.domain, domain != nullptr ? std::string_view(domain->name) : std::string_view{}) &&
         matches(filter.source, to_text(grant.source)) && matches(filter.scope, to_text(grant.scope)) &&
         matches(filter.key, grant.key);
}

void Daemon::Parts::visit_cache(const CacheFilter& filter, const std::function<void(const CacheReport&)>& visit) const {
  cache_->for_each([&](const CacheEntry& entry) {
    if (!is_meant(filter, entry)) {
      return;
    }
    const Grant grant = entry.grant.view();
    const Domain* domain = domains_.find(grant.domain);
    const Freshness freshness = resolver_->freshness_of(entry, loop_.now());
    CacheReport report;
    report.domain = domain != nullptr ? std::string_view(domain->name) : std::string_view{};
    report.source = to_text(grant.source);
    report.scope = to_text(grant.scope);
    report.key = grant.key;
    report.field = grant.field;
    report.version = entry.version;
    report.integration = static_cast<std::uint32_t>(grant.integration);
    report.asked_version = grant.version;
    report.bytes = entry.value.has_value() ? entry.value->size() : 0;
    report.age = freshness.age;
    report.ttl = freshness.ttl;
    if (!entry.value.has_value()) {
      report.state = "negative";
    } else if (entry.refreshing) {
      report.state = "refreshing";
    } else {
      report.state = freshness.usable ? "fresh" : "stale";
    }
    report.hits = entry.hits;
    report.used_at = wall_of(entry.used_at).value_or(WallMillis{});
    visit(report);
  });
}

Result<std::size_t> Daemon::Parts::flush_cache(const CacheFilter& filter, const Operator& who) {
  AuditRecord line;
  line.event = AuditEvent::flush;
  line.has_peer = true;
  line.unattested_pid = who.pid;
  line.unattested_uid = who.uid;
  line.key = filter.key.has_value() ? std::string_view(*filter.key) : std::string_view{};
  if (filter.source.has_value()) {
    line.source = source_from_text(*filter.source);
  }
  if (filter.scope.has_value()) {
    line.scope = scope_from_text(*filter.scope);
  }
  audit_->record(line);
  if (!audit_->flush()) {
    return fail(Code::unavailable, "the audit trail can't be written, so nothing was flushed");
  }
  return resolver_->flush([&](const CacheEntry& entry) { return is_meant(filter, entry); });
}

}  // namespace tantalus
