// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/identity/attestor.h"
#include "agent/identity/peer.h"
#include "agent/loop/loop.h"
#include "agent/resolve/subscriptions.h"
#include "agent/server/deadlines.h"
#include "agent/server/input.h"
#include "agent/server/output.h"
#include "agent/server/quota.h"
#include "protocol/frame.h"
#include "protocol/message.h"

namespace tantalus {

class Connection;
class Listener;
class Service;
class Turn;
struct Work;

/// What all connections share. Outlives each of them.
struct ServerParts {
  Loop& loop;
  Quota& quota;
  Turn& turn;
  Service& service;
  Listener* listener;  ///< Owns the connections.
  Attestation& attestation;
  Gate& gate;
  Subscriptions& subscriptions;
  MessageReader& reader;
  std::span<std::byte> scratch;  ///< Locked: what is read goes here first, as a `hello` may carry a token.
  Deadlines& first_frame;
  Deadlines& frame;
  Deadlines& write;
  Deadlines& discard;
  PeerRung best_rung = PeerRung::pidfd_ioctl;  ///< Not above what the agent may still do once it is hardened.
};

/// One peer: reads frames, hands them to the service in bounded turns, queues and sends replies, keeps its deadlines.
/// Never destroys itself: it asks Turn to be buried when the turn ends. Loop thread only; pinned.
class Connection final : public Subscriber {
 public:
  Connection(ServerParts& parts, UniqueFd socket, Peer peer, std::string owner);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // For the service.
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }
  /// Null: not attested; attestation_failure() says why.
  [[nodiscard]] const Identity* identity() const noexcept { return identity_.has_value() ? &*identity_ : nullptr; }
  [[nodiscard]] const Error& attestation_failure() const noexcept { return attestation_failure_; }
  [[nodiscard]] PrincipalId principal() const noexcept {
    return identity_.has_value() ? identity_->principal() : PrincipalId::unattested;
  }
  /// Whether the frame being served came from the pinned process itself, which still lives (admin scope; trap 20).
  [[nodiscard]] bool sender_is_pinned() const noexcept;
  [[nodiscard]] bool is_first_request() const noexcept { return requests_ == 1; }
  void set_saw_token() noexcept { saw_token_ = true; }  ///< Its bytes are wiped once the frame is served.
  /// Begins a reply at the end of the queue; the caller writes it at once to output().
  Output& begin_reply(std::uint32_t msgid, bool audited);
  /// Counts references that wait for a backend; reading pauses over `max_inflight`.
  void add_waiting(Work& work, std::uint32_t references);
  void remove_waiting(Work& work, std::uint32_t references) noexcept;
  /// Those that it has and those that it may get by calls that wait.
  [[nodiscard]] std::size_t subscriptions() const noexcept { return subscribed_; }
  void reserve_subscriptions(std::size_t more) noexcept { subscribed_ += more; }
  void release_subscriptions(std::size_t fewer) noexcept { subscribed_ -= fewer; }
  /// Whether further requests are read: else it ends, and hears of no more changes.
  [[nodiscard]] bool is_open() const noexcept { return state_ == State::open; }

  // For the listener.
  void start();
  /// Attributes it anew by rules that changed: closed, after its pending replies, when the result differs.
  void attribute_anew();
  /// No more requests are read; it closes when its pending replies have left.
  void close_when_served();
  /// Closes at once, cancelling what it waits for.
  void close_now();

  // For the turn.
  /// Frames that lie here already, up to the turn's bound.
  void process();
  /// Sends what this turn queued. `audited`: the turn's lines are written; else its answers are denied.
  void finish_turn(bool audited);

  void on_changed(const Grant& grant, std::optional<std::string_view> version) override;

  /// Its attestation is under way, and will touch it once more: until then it may be closed, but not destroyed.
  [[nodiscard]] bool is_being_attested() const noexcept {
    return attested_ == Attested::under_way && attestation_waits_;
  }

  struct Facts {
    Instant since;
    std::uint64_t requests;
    std::size_t inflight;
    std::size_t buffered;
    bool paused;
  };
  [[nodiscard]] Facts facts() const noexcept;

 private:
  enum class Attested : std::uint8_t { no, under_way, done };
  enum class State : std::uint8_t {
    open,
    last_replies,  ///< Reads no more; what it waits for is still answered.
    discarding,    ///< Its write side is shut; input is thrown away, so that the last answer isn't lost (trap 134).
    closed,
  };

  void on_ready(unsigned events);
  void read();
  void discard();
  /// Serves whole frames from the front, as many as this turn allows. How many bytes they took.
  [[nodiscard]] std::size_t serve(std::span<const std::byte> bytes);
  void serve_frame(std::span<const std::byte> frame);
  /// Keeps bytes for later, within the budget of all connections and this caller's part of it.
  void hold(std::span<const std::byte> bytes);
  [[nodiscard]] bool settle_buffer();
  void refuse_frame(const Error& error);
  [[nodiscard]] Task<void> attest();
  void after_serving();
  void after_send(Output::Sent sent);
  void shut_after_last_reply();
  void make_dirty();
  void make_ready();
  [[nodiscard]] bool is_paused() const noexcept;
  void rearm();

  friend class Listener;
  ServerParts& parts_;
  UniqueFd socket_;
  Peer peer_;
  std::string owner_;
  FdWatch watch_;
  InputBuffer input_;
  FrameCutter cutter_;
  Output output_;
  std::optional<Identity> identity_;
  Error attestation_failure_;
  Cancel attest_cancel_;
  std::vector<Work*> works_;
  DeadlineNode first_frame_;
  DeadlineNode frame_;
  DeadlineNode write_;
  DeadlineNode discard_;
  Instant since_;
  std::uint64_t requests_ = 0;
  std::uint64_t sent_total_ = 0;
  std::uint64_t write_mark_ = 0;  ///< write_ ends when this much has been sent in all.
  std::size_t waiting_ = 0;
  std::size_t subscribed_ = 0;
  std::size_t news_ = 0;  ///< Bytes of changes told since all had left.
  std::size_t discarded_ = 0;
  std::size_t counted_buffer_ = 0;
  Attested attested_ = Attested::no;
  State state_ = State::open;
  bool saw_eof_ = false;
  bool saw_token_ = false;
  bool names_senders_ = true;  ///< SO_PASSCRED is on, as inherited from the listener.
  bool foreign_sender_ = false;
  bool send_blocked_ = false;
  bool is_dirty_ = false;
  bool attestation_waits_ = false;
  bool is_stalled_ = false;  ///< It was too full to serve what lies here.
  bool is_ready_ = false;    ///< Frames lie here that wait for the next turn.
};

}  // namespace tantalus
