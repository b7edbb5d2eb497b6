// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "protocol/error.h"
#include "protocol/message.h"
#include "protocol/reply.h"

/// An agent's side of the socket that does what a test says, for faults that the real one can't be made to show. A
/// script gets each connection in turn; it ends with the last script.
class ScriptedAgent {
 public:
  class Peer {
   public:
    explicit Peer(int fd) : fd_(fd) {}
    ~Peer();
    /// The next whole request; unset when the client has closed.
    [[nodiscard]] std::optional<std::vector<std::byte>> request();
    void send(std::span<const std::byte> bytes);
    /// Sends `bytes` one by one.
    void drip(std::span<const std::byte> bytes);
    void wait_for_close();

   private:
    int fd_;
    std::vector<std::byte> unread_;
  };
  using Script = std::function<void(Peer&)>;

  explicit ScriptedAgent(std::vector<Script> scripts);
  ~ScriptedAgent();
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  std::string folder_;
  std::string path_;
  int listener_ = -1;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

/// The msgid of a request.
[[nodiscard]] std::uint32_t number_of(std::span<const std::byte> request);
[[nodiscard]] tantalus::Method method_of(std::span<const std::byte> request);
/// A whole response that carries `value`.
[[nodiscard]] std::vector<std::byte> secret_reply(std::uint32_t msgid, std::string_view key, std::string_view value);
[[nodiscard]] std::vector<std::byte> error_reply(std::uint32_t msgid, tantalus::Code code, std::string message);
[[nodiscard]] std::vector<std::byte> pong(std::uint32_t msgid);
