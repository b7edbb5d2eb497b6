// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/resolve/catalog.h"
#include "agent/resolve/resolver.h"
#include "agent/resolve/subscriptions.h"
#include "backends/async/cancel.h"
#include "cache/grant.h"
#include "protocol/message.h"

namespace tantalus {

class Connection;

/// One reference of a request that waits, with all that its answer and its audit line need once its frame is gone.
struct WorkItem {
  explicit WorkItem(const Reference& reference, Source source);

  std::string key, id, field;
  Source source;
  Scope scope;
  std::uint32_t version;
  std::optional<StoredGrant> grant;  ///< Unset: refused before anything was asked.
  std::optional<Error> error;
  std::optional<Resolved> value;
  bool waits = false;                   ///< A read of it is, or was, under way.
  DomainId waits_for = DomainId::none;  ///< Whose wait it counts as.
  bool cached = false;
  bool subscribed = false;                    ///< One more than the connection had.
  std::optional<Subscriptions::Known> known;  ///< By its subscriber, when the batch is answered.
  Cancel cancel;

  [[nodiscard]] Reference reference() const noexcept;
};

/// A request that waits for a backend. Shared by the tasks that read its items: the last one answers it. `connection`
/// is null once its caller has left.
struct Work {
  Connection* connection = nullptr;
  std::uint32_t msgid = 0;
  Method method = Method::resolve;
  std::optional<Millis> max_age;
  Instant started{};
  std::uint64_t changes = 0;  ///< Subscriptions::changes() when it was asked.
  std::deque<WorkItem> items;
  std::size_t remaining = 0;      ///< Reads under way.
  std::size_t subscriptions = 0;  ///< Reserved for it.
  std::uint32_t references = 0;
  std::optional<Scope> list_scope;
  std::optional<Source> list_source;
  std::vector<CatalogPlace> places;  ///< What `list` was allowed when it was asked.
  std::vector<CatalogRow> rows;
  std::optional<Error> list_failure;
  Cancel list_cancel;

  /// Its caller has left: whatever waits is woken, and answers nobody.
  void abandon() noexcept;
};

}  // namespace tantalus
