// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/resolve/resolver.h"
#include "agent/server/work.h"
#include "protocol/message.h"
#include "protocol/reply.h"

namespace tantalus {

[[nodiscard]] const Error& no_such_secret();
[[nodiscard]] SecretHead head_of(const Reference& reference, Source source, std::string_view version,
                                 std::optional<WallMillis> updated_at);
[[nodiscard]] SecretHead head_of(const Reference& reference, Source source, const Resolver::Hit& hit);
[[nodiscard]] SecretHead head_of(const WorkItem& item);  ///< It has a value.
[[nodiscard]] Resolved resolved_of(const Resolver::Hit& hit);
[[nodiscard]] constexpr bool is_batch(Method method) noexcept {
  return method == Method::resolve_many || method == Method::subscribe;
}

}  // namespace tantalus
