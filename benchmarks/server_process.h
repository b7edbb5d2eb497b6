// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace tantalus::bench {

/// A server that lives as long as this object and answers at a socket. It dies with us, however we end.
class ServerProcess {
 public:
  /// Returns when `socket` takes connections; gives up after 20 s. The server's output goes to the end of `log`.
  ServerProcess(const std::vector<std::string>& command, std::string socket, const std::string& log);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  /// Asks with SIGTERM, and waits.
  ~ServerProcess();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

 private:
  void await_socket(std::chrono::steady_clock::time_point deadline, const std::string& log) const;

  pid_t pid_ = -1;
  std::string socket_;
};

}  // namespace tantalus::bench
