// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/src/failure.h"
#include "client/src/locked.h"
#include "protocol/reference.h"
#include "protocol/response.h"

/// One locked block holds the value and the texts, so that a secret is two allocations and nothing of it lies
/// elsewhere.
struct tantalus_secret {
  std::shared_ptr<tantalus::client::LockedHeap> heap;  // Shared: a secret may outlive its client.
  std::span<std::byte> block;
  std::size_t size = 0;
  const char* key = nullptr;
  const char* source = nullptr;
  const char* scope = nullptr;
  const char* id = nullptr;
  const char* version = nullptr;
  std::int64_t updated_at = -1;
  std::int64_t age = 0;
  std::int64_t ttl = 0;
  bool cached = false;
  bool stale = false;
  bool is_default = false;

  tantalus_secret() = default;
  ~tantalus_secret() { heap->release(block); }
  tantalus_secret(const tantalus_secret&) = delete;
  tantalus_secret& operator=(const tantalus_secret&) = delete;
};

namespace tantalus::client {

struct Row {
  Failure failure;
  std::unique_ptr<tantalus_secret> secret;
  std::vector<response::Member> members;
};

/// Null when the system has no memory for it.
[[nodiscard]] std::unique_ptr<tantalus_secret> make_secret(const std::shared_ptr<LockedHeap>& heap,
                                                           const response::SecretView& view);
/// What `default=TEXT` stands for.
[[nodiscard]] std::unique_ptr<tantalus_secret> make_default(const std::shared_ptr<LockedHeap>& heap,
                                                            const ReferenceText& reference);

/// What is known of a reference's state: an answer to subscribe, or a change.
struct Subscribed {
  std::string key, source, scope, id;
  std::optional<std::string> version;

  [[nodiscard]] bool is_same(const Subscribed& other) const noexcept {
    return key == other.key && source == other.source && scope == other.scope && id == other.id;
  }
};
[[nodiscard]] Subscribed to_subscribed(const response::SubscriptionItem& item);
[[nodiscard]] Row to_row(const Subscribed& state);
[[nodiscard]] Row to_row(const response::CatalogItem& item);

}  // namespace tantalus::client

struct tantalus_reply {
  std::vector<tantalus::client::Row> rows;
};
