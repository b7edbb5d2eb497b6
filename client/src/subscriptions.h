// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "client/src/reply.h"
#include "protocol/reference.h"

namespace tantalus::client {

/// What a client is subscribed to, the last version known of each, and the changes that nobody has taken yet (at most
/// one a subscription: a later one takes its place).
class Subscriptions {
 public:
  void add(ReferenceText reference, Subscribed state);
  /// Counts as a change where the version is not the one last known; what was not asked for is ignored.
  void note(const Subscribed& state);
  [[nodiscard]] bool take(Subscribed& change);

  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
  [[nodiscard]] bool has_changes() const noexcept { return !changes_.empty(); }
  [[nodiscard]] std::vector<Reference> references() const;

 private:
  struct Subscription {
    ReferenceText reference;
    Subscribed state;
  };
  std::vector<Subscription> list_;
  std::deque<Subscribed> changes_;
};

}  // namespace tantalus::client
