// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "agent/loop/loop.h"
#include "agent/server/connection.h"

namespace tantalus {

/// Accepts callers on a listening socket and owns their connections. Accepts a bounded number a wake (trap 24), keeps a
/// descriptor in reserve so that running out of them neither spins nor hangs (trap 25), and answers who is one too many
/// (trap 26). Loop thread only; pinned; outlives no connection.
class Listener {
 public:
  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
  };

  /// `socket` is listening and non-blocking; it stays its owner's.
  Listener(ServerParts& parts, int socket);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  /// Accepts no more, and has every connection close once its pending replies have left.
  void drain();
  void for_each(const std::function<void(Connection&)>& visit);
  [[nodiscard]] std::size_t size() const noexcept { return connections_.size(); }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  friend class Connection;
  void forget(Connection& connection);
  void accept_some();
  void accepted(int fd);
  void turn_away(int fd, const Error& error);
  void out_of_descriptors();

  ServerParts& parts_;
  int socket_;
  UniqueFd reserve_;
  int batch_ = 1;  ///< Accepts in one wake.
  FdWatch watch_;
  Timer resume_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  Counters counters_;
};

}  // namespace tantalus
