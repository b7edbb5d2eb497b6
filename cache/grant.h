// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/reference.h"

namespace tantalus {

/// A domain together with its store object's name; never reused in a process, a new one when either changes. The
/// global and the admin store have ids of their own, so that scope alone never tells two grants apart.
enum class DomainId : std::uint32_t { none = 0, global = 1, admin = 2, first = 3 };

/// A Vault integration in the state of its settings: every change of them makes a new id, so that a value read with
/// the old ones is never answered under the new (promise 1).
enum class IntegrationId : std::uint32_t { none = 0 };

/// Leave to read one value, and the place where it lies: cache key and backend argument in one. Only a Policy makes
/// one, so code that reaches a value without asking the policy does not compile (promises 1 and 4). Views the
/// request's frame and the policy's domain table; StoredGrant owns its strings, for what outlives the frame.
struct Grant {
  const DomainId domain;
  const Source source;
  const Scope scope;
  const IntegrationId integration;
  const std::uint32_t version;    ///< Vault; 0 is the latest.
  const std::string_view object;  ///< The store object's suffix: empty for global, "admin", else the domain's object.
  const std::string_view key;
  const std::string_view field;

  friend bool operator==(const Grant&, const Grant&) noexcept = default;

 private:
  friend class Policy;
  friend class StoredGrant;
  Grant(DomainId domain_id, Source from, Scope within, IntegrationId by, std::uint32_t at,
        std::string_view store_object, std::string_view name, std::string_view member) noexcept
      : domain(domain_id),
        source(from),
        scope(within),
        integration(by),
        version(at),
        object(store_object),
        key(name),
        field(member) {}
};

/// A grant that owns its strings. Made of a grant alone.
class StoredGrant {
 public:
  explicit StoredGrant(const Grant& grant);
  [[nodiscard]] Grant view() const noexcept;

 private:
  DomainId domain_;
  Source source_;
  Scope scope_;
  IntegrationId integration_;
  std::uint32_t version_;
  std::string object_;
  std::string key_;
  std::string field_;
};

/// Equal for grants that differ only in field, version, domain or scope, so that all that a changed key touches lies
/// in one bucket. Under a key of this process, so that nobody can choose names that collide. Equality is operator==,
/// field by field.
[[nodiscard]] std::size_t place_hash(Source source, IntegrationId integration, std::string_view object,
                                     std::string_view key) noexcept;
/// Of all fields; `place` is the place_hash() of the same grant.
[[nodiscard]] std::size_t grant_hash(const Grant& grant, std::size_t place) noexcept;

}  // namespace tantalus
