// SPDX-License-Identifier: Apache-2.0
#include "agent/server/deadlines.h"

#include <utility>

namespace tantalus {

void DeadlineNode::leave() noexcept {
  if (next_ != nullptr) {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }
}

Deadlines::Deadlines(Loop& loop, Millis length, std::function<void(void*)> on_due)
    : loop_(loop), length_(length), on_due_(std::move(on_due)), timer_(loop, [this] { expire(); }) {
  ring_.next_ = ring_.previous_ = &ring_;
}

Deadlines::~Deadlines() {
  while (ring_.next_ != &ring_) {
    ring_.next_->leave();
  }
  ring_.next_ = ring_.previous_ = nullptr;
}

void Deadlines::join(DeadlineNode& node, void* owner) {
  if (node.is_waiting()) {
    return;
  }
  node.owner_ = owner;
  node.due_ = loop_.now() + length_;
  node.previous_ = ring_.previous_;
  node.next_ = &ring_;
  ring_.previous_->next_ = &node;
  ring_.previous_ = &node;
  // A timer that is armed already is due no later than this one, but for a length that a reload made shorter.
  if (!timer_.is_armed()) {
    timer_.arm(node.due_);
  }
}

void Deadlines::expire() {
  const Instant now = loop_.now();
  while (ring_.next_ != &ring_ && ring_.next_->due_ <= now) {
    DeadlineNode& first = *ring_.next_;
    first.leave();
    on_due_(first.owner_);
  }
  if (ring_.next_ != &ring_) {
    timer_.arm(ring_.next_->due_);
  }
}

}  // namespace tantalus
