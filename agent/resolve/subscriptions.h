// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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

/// Who hears of which value. Compares the values' bytes with what each subscriber knows, so that a new version of an
/// object with the same bytes, or a rotated neighbour, announces nothing (trap 136), and nobody hears twice. Subscribed
/// values are held. Loop thread only.
class Subscriptions {
 public:
  Subscriptions(Resolver& resolver, Io& io, Gate& gate);
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  /// Adds one to a subscriber's, with what it is told now (`value` unset: not there), which was asked for when
  /// changes() was `as_of`: what changed since then is compared and told. False: it had it already.
  bool add(Subscriber& subscriber, const StoredGrant& grant, std::optional<Secret> value, std::string version,
           std::uint64_t as_of);
  /// How many changes there were, of any place.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  void remove(Subscriber& subscriber) noexcept;
  /// A place may hold another value: those who subscribed it are compared and told. Where the backend can't be asked,
  /// it is asked again later.
  void on_place_changed(Source source, IntegrationId integration, std::string_view object, std::string_view key);
  /// Every place of a source may: its backend is another one.
  void on_source_changed(Source source);
  [[nodiscard]] std::size_t size() const noexcept { return topics_.size(); }

  struct Known {
    std::optional<std::string> version;  ///< Unset: the value is not there.
  };
  /// What a subscriber was told last of a grant; unset: it did not subscribe it.
  [[nodiscard]] std::optional<Known> known(const Subscriber& subscriber, const Grant& grant) const;

 private:
  struct State;
  struct Topic;
  [[nodiscard]] Topic* find(const Grant& grant) const noexcept;
  void compare_all(const std::vector<StoredGrant>& grants);
  void start_comparing(Topic& topic);
  [[nodiscard]] Task<void> compare(Topic& topic);
  /// Whether a comparison is settled; else it is to be made again.
  [[nodiscard]] bool settle(Topic& topic, Result<Resolved> outcome);
  void tell(Topic& topic, State state);
  void forget(const Topic& topic) noexcept;

  Resolver& resolver_;
  Io& io_;
  Gate& gate_;
  std::uint64_t changes_ = 0;
  std::unordered_multimap<std::size_t, std::unique_ptr<Topic>> topics_;  ///< By place_hash().
};

}  // namespace tantalus
