// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/observe/inspect.h"

namespace tantalus::test {

/// A daemon of plain values.
class FakeInspect final : public Inspect {
 public:
  struct Entry {
    std::string domain, source, scope, id, key, field;
    std::uint32_t asked_version = 0;
  };

  ReadinessReport ready{.ready = true, .backends = {}};
  StatusReport report;
  std::vector<Entry> entries;
  std::vector<std::pair<CacheFilter, Operator>> flushes;
  bool audit_works = true;

  [[nodiscard]] ReadinessReport readiness() const override { return ready; }
  [[nodiscard]] StatusReport status() const override { return report; }

  void visit_cache(const CacheFilter& filter, const std::function<void(const CacheReport&)>& visit) const override {
    for (const Entry& entry : entries) {
      if (!matches(filter, entry)) {
        continue;
      }
      CacheReport seen;
      seen.domain = entry.domain;
      seen.source = entry.source;
      seen.scope = entry.scope;
      seen.id = entry.id;
      seen.key = entry.key;
      seen.field = entry.field;
      seen.asked_version = entry.asked_version;
      seen.version = "41";
      seen.bytes = 12;
      seen.age = Millis(3);
      seen.ttl = Millis(4);
      seen.state = "fresh";
      seen.hits = 7;
      seen.used_at = WallMillis(Millis(1'700'000'000'000));
      visit(seen);
    }
  }

  [[nodiscard]] Result<std::size_t> flush_cache(const CacheFilter& filter, const Operator& who) override {
    if (!audit_works) {
      return fail(Code::unavailable, "the audit file can't be written");
    }
    flushes.emplace_back(filter, who);
    return std::erase_if(entries, [&](const Entry& entry) { return matches(filter, entry); });
  }

 private:
  static bool matches(const CacheFilter& filter, const Entry& entry) {
    return filter.domain.value_or(entry.domain) == entry.domain &&
           filter.source.value_or(entry.source) == entry.source && filter.scope.value_or(entry.scope) == entry.scope &&
           filter.key.value_or(entry.key) == entry.key;
  }
};

}  // namespace tantalus::test
