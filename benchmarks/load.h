// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "benchmarks/samples.h"

namespace tantalus::bench {

/// What a client does, whoever the server is.
struct Load {
  std::vector<std::string> requests;  ///< All of one size; connection i sends requests[i % size].
  std::size_t connections = 1;
  std::size_t depth = 1;   ///< Requests under way on a connection.
  bool reconnect = false;  ///< One request a connection, which is then closed.
};

/// Drives the server at `socket` for `duration` and measures each request from its send to its last byte.
[[nodiscard]] RunResult drive(const std::string& socket, const Load& load, std::chrono::milliseconds duration);

/// The bytes of the one reply to `request`.
[[nodiscard]] std::string ask_once(const std::string& socket, const std::string& request);

}  // namespace tantalus::bench
