// SPDX-License-Identifier: Apache-2.0
#include "agent/server/turn.h"

#include <algorithm>
#include <utility>

#include "agent/server/connection.h"

namespace tantalus {
namespace {

constexpr unsigned lag_sample = 16;  // One turn in so many is timed: a reading of the clock is no small part of a turn.

}  // namespace

Turn::Turn(Loop& loop, Audit& audit, Gate& gate) : audit_(audit), gate_(gate), loop_(loop), next_turn_(loop, [] {}) {}

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

bool Turn::has_room(PrincipalId who) const noexcept {
  const auto index = static_cast<std::size_t>(who);
  return index >= taken_.size() || taken_[index] < references;
}

void Turn::take(PrincipalId who, std::size_t references_of_frame) {
  const auto index = static_cast<std::uint32_t>(who);
  if (index >= taken_.size()) {
    taken_.resize(index + 1);
  }
  std::uint32_t& taken = taken_[index];
  if (taken == 0) {
    takers_.push_back(index);
  }
  taken += static_cast<std::uint32_t>(references_of_frame);
}

void Turn::forget_taken() noexcept {
  for (const std::uint32_t taker : takers_) {
    taken_[taker] = 0;
  }
  takers_.clear();
}

/// The lines, then the replies. Finishing a connection may make more to finish (a reply that was denied), never
/// endlessly: what is added meanwhile has no new lines.
void Turn::send() {
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
}

void Turn::finish() {
  send();
  forget_taken();
  if (!ready_.empty()) {
    // The next turn begins here, with those who were left waiting: before what arrives anew can take their share.
    serve_ready();
    send();
  }
  std::erase_if(graves_, [](const auto& connection) { return !connection->is_being_attested(); });
  gate_.sweep();
  if (!ready_.empty()) {
    next_turn_.arm(loop_.now());  // It does nothing but keep the loop from sleeping.
  }
  if (++turns_ % lag_sample == 0) {
    lag_.add(loop_.precise_now() - loop_.now());
  }
}

}  // namespace tantalus
