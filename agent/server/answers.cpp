// SPDX-License-Identifier: Apache-2.0
#include "agent/server/answers.h"

namespace tantalus {

const Error& no_such_secret() {
  static const Error error{Code::not_found, "no such secret", Millis{0}};
  return error;
}

SecretHead head_of(const Reference& reference, Source source, std::string_view version,
                   std::optional<WallMillis> updated_at) {
  return {.key = reference.key,
          .source = source,
          .scope = reference.scope,
          .id = source == Source::vault ? reference.id : std::string_view{},
          .version = version,
          .updated_at = updated_at};
}

SecretHead head_of(const WorkItem& item) {
  const Resolved& value = *item.value;
  SecretHead head = head_of(item.reference(), item.source, value.version, value.updated_at);
  head.age = value.age;
  head.ttl = value.ttl;
  head.cached = value.cached;
  head.stale = value.stale;
  return head;
}

Resolved resolved_of(const Resolver::Hit& hit) {
  return {hit.entry->value->share(),
          hit.entry->version,
          hit.entry->updated_at,
          hit.freshness.age,
          hit.freshness.ttl,
          true,
          false};
}

SecretHead head_of(const Reference& reference, Source source, const Resolver::Hit& hit) {
  SecretHead head = head_of(reference, source, hit.entry->version, hit.entry->updated_at);
  head.age = hit.freshness.age;
  head.ttl = hit.freshness.ttl;
  head.cached = true;
  return head;
}

}  // namespace tantalus
