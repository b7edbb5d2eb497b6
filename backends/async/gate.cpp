// SPDX-License-Identifier: Apache-2.0
#include "backends/async/gate.h"

#include <iterator>
#include <utility>

namespace tantalus {

Gate::~Gate() = default;

bool Gate::enter(Task<void> task) {
  if (closed_) {
    return false;
  }
  // In its place before it runs: what it does may enter further tasks, and a list keeps addresses.
  roots_.push_back(std::move(task));
  roots_.back().start();
  return true;
}

void Gate::sweep() noexcept {
  for (auto root = roots_.begin(); root != roots_.end();) {
    root = root->is_done() ? roots_.erase(root) : std::next(root);
  }
}

}  // namespace tantalus
