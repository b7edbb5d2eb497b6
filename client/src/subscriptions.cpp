// SPDX-License-Identifier: Apache-2.0
#include "client/src/subscriptions.h"

#include <utility>

namespace tantalus::client {

void Subscriptions::add(ReferenceText reference, Subscribed state) {
  list_.push_back({std::move(reference), std::move(state)});
}

void Subscriptions::note(const Subscribed& state) {
  bool changed = false;
  for (Subscription& subscription : list_) {
    if (subscription.state.is_same(state) && subscription.state.version != state.version) {
      subscription.state.version = state.version;
      changed = true;
    }
  }
  if (!changed) {
    return;
  }
  for (Subscribed& waiting : changes_) {
    if (waiting.is_same(state)) {
      waiting.version = state.version;
      return;
    }
  }
  changes_.push_back(state);
}

bool Subscriptions::take(Subscribed& change) {
  if (changes_.empty()) {
    return false;
  }
  change = std::move(changes_.front());
  changes_.pop_front();
  return true;
}

std::vector<Reference> Subscriptions::references() const {
  std::vector<Reference> references;
  references.reserve(list_.size());
  for (const Subscription& subscription : list_) {
    references.push_back(subscription.reference.view());
  }
  return references;
}

}  // namespace tantalus::client
