// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/src/failure.h"
#include "client/src/locked.h"
#include "client/src/reply.h"
#include "client/src/subscriptions.h"
#include "client/src/transport.h"
#include "protocol/instant.h"
#include "protocol/reference.h"
#include "protocol/reply.h"
#include "protocol/response.h"

namespace tantalus::client {

/// What the result of a call is read as.
enum class Wanted : std::uint8_t { secret, batch, members, catalog, subscriptions, nothing };

/// A request until its answer is taken.
struct Call {
  std::uint32_t number = 0;
  Wanted wanted = Wanted::nothing;
  Instant deadline = Instant::max();
  bool resent = false;
  bool done = false;
  ReplyBuffer request;  ///< Kept, since it is sent again if the connection turns out to have ended.
  std::vector<ReferenceText> references;
  std::vector<Failure> refused;  ///< Of a batch: what was wrong with each reference before it was sent.
  Failure failure;
  std::unique_ptr<tantalus_secret> secret;
  std::unique_ptr<tantalus_reply> reply;
};

/// The calls of one client over one connection, matched by msgid in any order. A connection that ends with no byte of
/// a reply is made again once for each call, silently. Numbers of calls are their msgids, from 1.
class Calls {
 public:
  explicit Calls(std::shared_ptr<LockedHeap> heap);

  std::string socket;
  std::string token_file;
  std::string name;
  Millis timeout{10'000};  ///< Millis::max(): none.

  /// After a fork the connection and the calls under way are the parent's. First in whatever a program calls.
  void notice_fork();

  /// A call to be filled in and submitted; null when too many are under way.
  [[nodiscard]] Call* prepare(Wanted wanted);
  /// Sends it. When this fails the call is gone.
  [[nodiscard]] Failure submit(Call& call, bool may_block);
  /// Blocks until the call is done.
  void await(Call& call);
  [[nodiscard]] Call* find(std::uint32_t number) noexcept;
  void drop(std::uint32_t number) noexcept;

  void process();
  /// Blocks for a change until `deadline`.
  [[nodiscard]] Failure await_change(Instant deadline, Row& change);
  [[nodiscard]] Failure take_change(Row& change);

  void disconnect();
  [[nodiscard]] const LockedHeap& heap() const noexcept { return *heap_; }
  [[nodiscard]] int fd() const noexcept { return transport_.fd(); }
  [[nodiscard]] short events() const noexcept;
  [[nodiscard]] int wait_ms() const noexcept;

 private:
  /// How long what is done for the present entry may take.
  struct Patience {
    bool may_block = false;
    Instant deadline = Instant::max();
  };

  [[nodiscard]] std::uint32_t next_number() noexcept;
  [[nodiscard]] Failure open();
  [[nodiscard]] bool greet(std::span<const std::byte> token);
  [[nodiscard]] bool subscribe_again();
  void wait_and_receive(Instant deadline);
  void received(Transport::Received what);
  void read_frames();
  [[nodiscard]] bool read_only_secret();
  void read_frame(std::span<const std::byte> frame);
  void finish(Call& call, const response::Head& head);
  void finish_batch(Call& call, std::span<const std::byte> result);
  void finish_subscriptions(Call& call, std::span<const std::byte> result);
  void finish_secret(Call& call, const response::Head& head);
  void finish_secret(Call& call, const response::SecretView& view);
  void resubscribed(const response::Head& head);
  void ended();
  void break_off(const Failure& failure);
  void expire();
  void fail_all(const Failure& failure, bool only_resent = false);
  [[nodiscard]] bool is_waiting() const noexcept;

  std::shared_ptr<LockedHeap> heap_;
  Transport transport_;
  Patience patience_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<std::unique_ptr<Call>> spare_;  ///< Finished ones, for their memory.
  std::uint32_t last_number_ = 0;
  std::uint32_t hello_ = 0;  ///< The connection's own requests; 0: none is under way.
  std::uint32_t resubscribe_ = 0;
  bool just_opened_ = false;
  bool must_subscribe_ = false;  ///< The last try to make the subscriptions again has failed.
  Subscriptions subscriptions_;
  Failure subscription_failure_;  ///< To be told to who waits for changes.
};

}  // namespace tantalus::client
