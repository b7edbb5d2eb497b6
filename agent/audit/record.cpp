// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/record.h"

#include <algorithm>

namespace tantalus {

std::string_view to_text(AuditEvent event) noexcept {
  switch (event) {
    case AuditEvent::resolve:
      return "resolve";
    case AuditEvent::explain:
      return "explain";
    case AuditEvent::list:
      return "list";
    case AuditEvent::subscribe:
      return "subscribe";
    case AuditEvent::refuse:
      return "refuse";
    case AuditEvent::login:
      return "login";
    case AuditEvent::renew:
      return "renew";
    case AuditEvent::flush:
      return "flush";
    case AuditEvent::revoke:
      return "revoke";
    case AuditEvent::test:
      return "test";
    case AuditEvent::reload:
      return "reload";
    case AuditEvent::start:
      return "start";
    case AuditEvent::stop:
      return "stop";
  }
  abort_because("an audit event out of its range");
}

AuditLine line_of(const AuditRecord& record, WallMicros time) noexcept {
  AuditLine line;
  line.time = time;
  line.event = to_text(record.event);
  line.outcome = record.failure ? to_text(*record.failure) : "ok";
  if (record.who != nullptr) {
    const IdentityFacts& facts = record.who->facts();
    line.domain = record.who->domain() != nullptr ? std::string_view(record.who->domain()->name) : std::string_view();
    line.admin = record.who->is_admin();
    line.attested_by = to_text(facts.attested_by);
    line.pod = facts.pod;
    line.namespace_name = facts.namespace_name;
    line.service_account = facts.service_account;
    line.pod_uid = facts.pod_uid;
    line.container = facts.container;
    line.unit = facts.unit;
    line.uid = facts.uid;
    line.pid = facts.pid;
    line.exe = facts.executable;
  } else if (record.has_peer) {
    line.uid = record.unattested_uid;
    line.pid = record.unattested_pid;
  }
  if (record.source) {
    line.source = to_text(*record.source);
  }
  if (record.scope) {
    line.scope = to_text(*record.scope);
  }
  line.id = record.id;
  line.key = record.key;
  line.version = record.version;
  if (record.of_value) {
    line.cached = record.cached;
    line.stale = record.stale;
    line.age_ms = static_cast<std::uint64_t>(std::max<Millis::rep>(record.age.count(), 0));
  }
  if (record.took) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(*record.took).count();
    line.took_us = static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 0));
  }
  if (record.count > 0) {
    line.count = record.count;
  }
  line.detail = record.detail;
  return line;
}

}  // namespace tantalus
