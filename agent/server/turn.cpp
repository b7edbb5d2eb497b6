// SPDX-License-Identifier: Apache-2.0
#include "agent/server/turn.h"

#include <algorithm>
#include <utility>

#include "agent/server/connection.h"

namespace tantalus {
namespace {

constexpr unsigned lag_sample = 16;  // One turn in so many is timed: a reading of the clock is no small part of a turn.

}  // namespace

Turn::Turn(Loop& loop, Audit& audit, Gate& gate)
    : audit_(audit), gate_(gate), loop_(loop), next_turn_(loop, [this] { serve_ready(); }) {}

Turn::~Turn() = default;

void Turn::serve_ready() {
  serving_.swap(ready_);
  for (std::size_t i = 0; i < serving_.size(); ++i) {
    if (Connection* connection = serving_[i]) {
      connection->process();
    }
  }
  serving_.clear();
}

void Turn::bury(std::unique_ptr<Connection> connection) {
  for (auto* list : {&dirty_, &finishing_, &ready_, &serving_}) {
    std::ranges::replace(*list, connection.get(), nullptr);
  }
  graves_.push_back(std::move(connection));
}

void Turn::finish() {
  // Finishing a connection may close others' works or make more to finish (a reply that was denied), never endlessly:
  // what is added here has no new lines.
  const bool audited = audit_.flush();
  while (!dirty_.empty()) {
    finishing_.swap(dirty_);
    for (std::size_t i = 0; i < finishing_.size(); ++i) {
      if (Connection* connection = finishing_[i]) {
        connection->finish_turn(audited);
      }
    }
    finishing_.clear();
  }
  std::erase_if(graves_, [](const auto& connection) { return !connection->is_being_attested(); });
  gate_.sweep();
  if (!ready_.empty()) {
    next_turn_.arm(loop_.now());  // Here, not when it is added: a timer that is due would still run in this turn.
  }
  if (++turns_ % lag_sample == 0) {
    lag_.add(loop_.precise_now() - loop_.now());
  }
}

}  // namespace tantalus
