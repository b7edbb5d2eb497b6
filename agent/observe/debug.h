// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "agent/identity/peer.h"
#include "agent/loop/loop.h"
#include "agent/observe/inspect.h"

namespace tantalus {

/// The debug socket (docs/operations.md): HTTP/1.1 for operators. Answers `/healthz`, `/readyz`, `/v1/status` and
/// `/v1/cache`. Everything about it is bounded: connections, heads, bodies, answers under way, time. Loop thread only.
class DebugServer {
 public:
  struct Options {
    std::optional<gid_t> group;  ///< `listen.debug_group`: its members are operators too.
  };

  /// Owns the listening socket from here on, but not its file. `loop` and `inspect` outlive it.
  DebugServer(Loop& loop, UniqueFd listener, Inspect& inspect, Options options);
  DebugServer(const DebugServer&) = delete;
  DebugServer& operator=(const DebugServer&) = delete;
  ~DebugServer();

  [[nodiscard]] std::size_t connections() const noexcept;

  class State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace tantalus
