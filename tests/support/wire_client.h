// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/frame.h"
#include "protocol/response.h"

namespace tantalus::test {

/// A bare peer of the agent: a non-blocking Unix socket, with the bytes in the test's own hands. `turn` is called while
/// it waits, so that an agent on the same thread can go on; without it, it polls.
class WireClient {
 public:
  using Turn = std::function<void()>;
  explicit WireClient(const std::string& path, Turn turn = {});
  ~WireClient();
  WireClient(const WireClient&) = delete;
  WireClient& operator=(const WireClient&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void send(std::span<const std::byte> bytes);
  void send(std::string_view bytes) { send(std::as_bytes(std::span(bytes))); }
  /// What the socket takes at once; false when it takes nothing.
  [[nodiscard]] bool try_send(std::span<const std::byte> bytes);
  void shut_write();
  void close();

  struct Reply {
    std::vector<std::byte> frame;
    response::Head head;  ///< Views `frame`.
    [[nodiscard]] std::string code() const { return head.error.has_value() ? std::string(head.error->code) : "ok"; }
    [[nodiscard]] std::string value() const;  ///< Of a resolve.
  };
  /// The next message; unset: the agent ended the connection, or `within` passed.
  [[nodiscard]] std::optional<Reply> receive(std::chrono::milliseconds within = std::chrono::seconds(10));
  /// Whether the agent ended the connection, all of its messages read, within this time.
  [[nodiscard]] bool is_ended(std::chrono::milliseconds within = std::chrono::seconds(10));
  [[nodiscard]] bool was_reset() const noexcept { return reset_; }

 private:
  [[nodiscard]] bool fill(std::chrono::steady_clock::time_point until);
  int fd_ = -1;
  Turn turn_;
  std::vector<std::byte> unread_;
  FrameCutter cutter_;
  bool ended_ = false;
  bool reset_ = false;
};

/// A resolve of a key, as bytes.
[[nodiscard]] std::vector<std::byte> resolve_request(std::uint32_t msgid, std::string_view key,
                                                     std::optional<Millis> max_age = std::nullopt,
                                                     Scope scope = Scope::domain);

}  // namespace tantalus::test
