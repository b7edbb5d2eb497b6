// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "agent/loop/loop.h"
#include "protocol/instant.h"

namespace tantalus {

/// A place in a Deadlines queue. Its owner keeps it as a member; it leaves its queue by itself when destroyed. Pinned.
class DeadlineNode {
 public:
  DeadlineNode() = default;
  DeadlineNode(const DeadlineNode&) = delete;
  DeadlineNode& operator=(const DeadlineNode&) = delete;
  ~DeadlineNode() { leave(); }
  void leave() noexcept;
  [[nodiscard]] bool is_waiting() const noexcept { return next_ != nullptr; }

 private:
  friend class Deadlines;
  DeadlineNode* next_ = nullptr;
  DeadlineNode* previous_ = nullptr;
  Instant due_{};
  void* owner_ = nullptr;
};

/// Deadlines of one length, so that a queue in order of arrival is a queue in order of time: joining and leaving cost
/// a few pointers, one Timer serves all, and connections that come and go cost no system call. Pinned.
class Deadlines {
 public:
  /// `on_due` gets the owner that the node joined with, after it has left; it may destroy it.
  Deadlines(Loop& loop, Millis length, std::function<void(void* owner)> on_due);
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  void set_length(Millis length) noexcept { length_ = length; }  ///< Of those who join from here on.
  /// Waits `length` from the turn's time; one that waits already stays where it is.
  void join(DeadlineNode& node, void* owner);

 private:
  void expire();
  Loop& loop_;
  Millis length_;
  std::function<void(void*)> on_due_;
  DeadlineNode ring_;
  Timer timer_;
};

}  // namespace tantalus
