// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/resolve/resolver.h"
#include "backends/async/gate.h"
#include "cache/grant.h"
#include "cache/secret.h"

namespace tantalus {

/// A caller who wants to hear of changes. Owned by its connection, which removes it before it goes.
class Subscriber {
 public:
  /// `version` unset: the value went. Called once a resolve gives the state told.
  virtual void on_changed(const Grant& grant, std::optional<std::string_view> version) = 0;

 protected:
  ~Subscriber() = default;
};

/// Who hears of which value. Compares the values' bytes, so that a new version of an object with the same bytes, or a
/// rotated neighbour, announces nothing (trap 136). Subscribed values are held. Loop thread only.
class Subscriptions {
 public:
  Subscriptions(Resolver& resolver, Io& io, Gate& gate);
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  /// Adds one to a subscriber's, with what it was just told (`value` unset: not there). The same grant twice is once.
  void add(Subscriber& subscriber, const StoredGrant& grant, std::optional<Secret> value, std::string version);
  void remove(Subscriber& subscriber) noexcept;
  /// A place may hold another value: those who subscribed it are compared and told.
  void on_place_changed(Source source, IntegrationId integration, std::string_view object, std::string_view key);
  [[nodiscard]] std::size_t size() const noexcept { return topics_.size(); }

 private:
  struct Topic;
  [[nodiscard]] Task<void> compare(Topic& topic);
  void tell(Topic& topic);
  void forget(const Topic& topic) noexcept;

  Resolver& resolver_;
  Io& io_;
  Gate& gate_;
  std::unordered_multimap<std::size_t, std::unique_ptr<Topic>> topics_;  ///< By place_hash().
};

}  // namespace tantalus
