// SPDX-License-Identifier: Apache-2.0
#include "agent/server/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/server/listener.h"
#include "agent/server/service.h"
#include "agent/server/turn.h"
#include "agent/server/work.h"
#include "cache/wipe.h"
#include "protocol/reply.h"

namespace tantalus {
namespace {

struct Received {
  ssize_t bytes;
  bool foreign;  ///< The kernel names another sender than the pinned process.
};

/// recv(2): descriptors that a peer passes find no room and are closed by the kernel (trap 35).
ssize_t receive(int fd, std::span<std::byte> room) {
  ssize_t bytes = 0;
  do {
    bytes = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT);
  } while (bytes < 0 && errno == EINTR);
  return bytes;
}

/// The same with room for the sender's credentials, and for nothing else.
Received receive_named(int fd, std::span<std::byte> room, pid_t expected) {
  iovec piece{room.data(), room.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t bytes = 0;
  do {
    bytes = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (bytes < 0 && errno == EINTR);
  bool foreign = true;
  if (bytes > 0) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS) {
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
        foreign = sender.pid != expected;
      }
    }
  }
  return {bytes, foreign};
}

}  // namespace

Connection::Connection(ServerParts& parts, UniqueFd socket, Peer peer, std::string owner)
    : parts_(parts),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      owner_(std::move(owner)),
      watch_(parts.loop, socket_.get(), [this](unsigned events) { on_ready(events); }),
      cutter_(FrameCutter::Side::agent, parts.quota.limits().max_frame),
      since_(parts.loop.now()) {}

Connection::~Connection() = default;

void Connection::start() {
  parts_.first_frame.join(first_frame_, this);
  // Most have sent their first request by the time they are accepted: reading at once saves a turn.
  read();
  rearm();
}

bool Connection::sender_is_pinned() const noexcept {
  return !foreign_sender_ && peer_.is_alive();
}

// --- reading ---

void Connection::on_ready(unsigned events) {
  if (state_ == State::closed) {
    return;  // It is buried when the turn ends.
  }
  if (state_ == State::discarding) {
    discard();
    return;
  }
  if ((events & FdWatch::writable) != 0) {
    send_blocked_ = false;
    make_dirty();
  }
  if ((events & (FdWatch::readable | FdWatch::hangup)) != 0 && state_ == State::open && !saw_eof_ && !is_paused()) {
    read();
  }
  rearm();
}

void Connection::read() {
  const std::size_t most = parts_.quota.limits().max_frame;
  std::span<std::byte> room = parts_.scratch;
  room = room.first(std::min(room.size(), std::max<std::size_t>(most, input_.size() + 1) - input_.size()));
  const Received received =
      names_senders_ ? receive_named(socket_.get(), room, peer_.pid()) : Received{receive(socket_.get(), room), true};
  if (received.bytes < 0) {
    if (errno != EAGAIN) {
      close_now();
    }
    return;
  }
  if (received.bytes == 0) {
    saw_eof_ = true;  // It may have shut its write side alone: what it asked for is still answered (trap 33).
    after_serving();
    return;
  }
  foreign_sender_ = foreign_sender_ || received.foreign;
  const auto bytes = room.first(static_cast<std::size_t>(received.bytes));
  if (input_.size() == 0) {
    const std::size_t served = serve(bytes);
    hold(bytes.subspan(served));
    after_serving();
  } else {
    hold(bytes);
    process();
  }
  if (saw_token_) {
    wipe(bytes);
    saw_token_ = false;
  }
}

void Connection::hold(std::span<const std::byte> bytes) {
  if (bytes.empty() || state_ != State::open) {
    return;
  }
  input_.append(bytes);
  if (!settle_buffer()) {
    input_.release();
    (void)settle_buffer();
    refuse_frame({Code::overloaded, "no room for more unfinished requests", Millis{1'000}});
  }
}

/// Counts what input_ takes; false when that is more than there is room for.
bool Connection::settle_buffer() {
  const std::size_t takes = state_ == State::closed ? 0 : input_.capacity();
  if (takes < counted_buffer_) {
    parts_.quota.release_buffer(owner_, counted_buffer_ - takes);
  } else if (takes > counted_buffer_ && !parts_.quota.admit_buffer(owner_, takes - counted_buffer_)) {
    return false;
  }
  counted_buffer_ = takes;
  return true;
}

void Connection::process() {
  is_ready_ = false;
  if (state_ == State::open && input_.size() > 0) {
    input_.consume(serve(input_.bytes()));
    (void)settle_buffer();
  }
  after_serving();
  rearm();
}

std::size_t Connection::serve(std::span<const std::byte> bytes) {
  std::size_t served = 0;
  for (unsigned frames = 0; state_ == State::open && !is_paused(); ++frames) {
    const auto rest = bytes.subspan(served);
    if (rest.empty()) {
      frame_.leave();
      break;
    }
    const Result<std::size_t> size = cutter_.next(rest);
    if (!size.has_value()) {
      refuse_frame(size.error());
      return bytes.size();
    }
    if (*size == 0) {
      if (frames > 0) {
        frame_.leave();  // Of the frame before: this one has its own time.
      }
      parts_.frame.join(frame_, this);
      break;
    }
    if (attested_ == Attested::no) {
      attested_ = Attested::under_way;
      if (!parts_.gate.enter(attest()) || attested_ != Attested::done) {
        attestation_waits_ = true;
        break;
      }
    }
    if (!parts_.turn.has_room(principal())) {
      make_ready();
      break;
    }
    serve_frame(rest.first(*size));
    served += *size;
  }
  is_stalled_ = state_ == State::open && is_paused();
  return served;
}

void Connection::serve_frame(std::span<const std::byte> frame) {
  first_frame_.leave();
  if (++requests_ == 2 && names_senders_ && !(identity_.has_value() && identity_->is_admin())) {
    // Only the admin scope asks who sent a frame. Having the kernel name each sender costs the others more than this
    // call, from their second request on.
    const int off = 0;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &off, sizeof off);
    names_senders_ = false;
  }
  const MessageReader::Kind kind = parts_.reader.read(frame);
  parts_.turn.take(principal(), std::max<std::size_t>(1, parts_.reader.call().references.size()));
  switch (kind) {
    case MessageReader::Kind::call:
      parts_.service.serve(*this, parts_.reader.call());
      return;
    case MessageReader::Kind::notification:
      parts_.service.count_notification();
      return;
    case MessageReader::Kind::bad_request:
      parts_.service.refuse(*this, parts_.reader.msgid(), parts_.reader.error());
      return;
    case MessageReader::Kind::bad_frame:
      refuse_frame(parts_.reader.error());
      return;
  }
}

void Connection::refuse_frame(const Error& error) {
  parts_.service.refuse(*this, 0, error);
  close_when_served();
}

/// Where it stands once it has served what it could.
void Connection::after_serving() {
  if (state_ == State::last_replies && !is_dirty_ && waiting_ == 0 && output_.is_empty()) {
    shut_after_last_reply();
    return;
  }
  if (state_ != State::open || !saw_eof_ || is_ready_ || is_paused()) {
    return;
  }
  frame_.leave();  // What is left is half a frame, whose rest will not come.
  if (waiting_ == 0 && output_.is_empty() && !is_dirty_) {
    close_now();
    return;
  }
  // It may be gone altogether: then nobody waits for the answers.
  pollfd gone{socket_.get(), 0, 0};
  if (::poll(&gone, 1, 0) == 1 && (gone.revents & (POLLHUP | POLLERR)) != 0) {
    close_now();
  }
}

bool Connection::is_paused() const noexcept {
  const LimitsConfig& limits = parts_.quota.limits();
  return attested_ == Attested::under_way || waiting_ >= limits.max_inflight || output_.queued() >= limits.write_queue;
}

void Connection::rearm() {
  if (state_ == State::closed) {
    return;
  }
  unsigned events = FdWatch::none;
  if (state_ == State::discarding || (state_ == State::open && !saw_eof_ && !is_ready_ && !is_paused())) {
    events |= FdWatch::readable;
  }
  if (send_blocked_) {
    events |= FdWatch::writable;
  }
  watch_.want(events);
}

// --- identity ---

Task<void> Connection::attest() {
  auto attestation = parts_.attestation.attest(peer_, attest_cancel_);
  Result<Identity> outcome = co_await attestation;
  if (state_ == State::closed) {
    attested_ = Attested::done;
    co_return;
  }
  if (outcome.has_value()) {
    identity_.emplace(std::move(*outcome));
  } else {
    attestation_failure_ = outcome.error();
  }
  attested_ = Attested::done;
  if (attestation_waits_) {
    make_ready();
  }
}

void Connection::attribute_anew() {
  if (!identity_.has_value()) {
    if (attested_ == Attested::done) {
      close_when_served();  // The rules may know it now: it may come again.
    }
    return;
  }
  Result<Identity> now = parts_.attestation.attribute_anew(*identity_);
  const bool same = now.has_value() && now->domain() == identity_->domain() && now->is_admin() == identity_->is_admin();
  if (now.has_value()) {
    identity_.emplace(std::move(*now));
  } else {
    identity_.reset();
    attestation_failure_ = now.error();
  }
  if (!same) {
    close_when_served();
  }
}

// --- replies ---

Output& Connection::begin_reply(std::uint32_t msgid, bool audited) {
  make_dirty();
  output_.begin_reply(msgid, audited);
  return output_;
}

void Connection::make_dirty() {
  if (!is_dirty_) {
    is_dirty_ = true;
    parts_.turn.add_dirty(*this);
  }
}

void Connection::make_ready() {
  if (!is_ready_) {
    is_ready_ = true;
    parts_.turn.add_ready(*this);
  }
}

void Connection::add_waiting(Work& work, std::uint32_t references) {
  works_.push_back(&work);
  waiting_ += references;
}

void Connection::remove_waiting(Work& work, std::uint32_t references) noexcept {
  std::erase(works_, &work);
  waiting_ -= references;
  make_dirty();
}

void Connection::on_changed(const Grant& grant, std::optional<std::string_view> version) {
  SecretHead head{
      .key = grant.key, .source = grant.source, .scope = grant.scope, .id = {}, .version = {}, .updated_at = {}};
  head.version = version.value_or(std::string_view{});
  ReplyBuffer& bytes = begin_reply(0, false).bytes();
  const std::size_t before = bytes.size();
  reply::changed(bytes, head, version.has_value());
  news_ += bytes.size() - before;
  if (news_ >= parts_.quota.limits().write_queue) {
    close_now();  // Pausing holds back requests, not news: who reads none of it is closed at once (trap 31).
  }
}

void Connection::finish_turn(bool audited) {
  is_dirty_ = false;
  if (state_ == State::closed || state_ == State::discarding) {
    return;
  }
  if (!audited) {
    output_.deny_unsealed({Code::unavailable, "the audit trail can't be written", Millis{1'000}});
  }
  output_.seal();
  if (!send_blocked_ && !output_.is_empty()) {
    const std::size_t before = output_.queued();
    const Output::Sent sent = output_.send(socket_.get(), Turn::bytes);
    sent_total_ += before - output_.queued();
    after_send(sent);
  } else if (state_ == State::last_replies && waiting_ == 0 && output_.is_empty()) {
    shut_after_last_reply();
  }
  if (state_ == State::open && (is_stalled_ || saw_eof_) && !is_paused()) {
    make_ready();  // Frames may lie here that it was too full for; or it ends.
  }
  rearm();
}

void Connection::after_send(Output::Sent sent) {
  if (sent == Output::Sent::failed) {
    close_now();
    return;
  }
  if (sent == Output::Sent::all) {
    news_ = 0;
    write_.leave();
    if (state_ == State::last_replies && waiting_ == 0) {
      shut_after_last_reply();
    }
    return;
  }
  send_blocked_ = true;
  // Whoever reads on gets more time; whoever does not is closed, and gives back what it pins (traps 31, 142).
  if (!write_.is_waiting() || sent_total_ >= write_mark_) {
    write_.leave();
    write_mark_ = sent_total_ + output_.queued();
    parts_.write.join(write_, this);
  }
}

// --- ending ---

void Connection::close_when_served() {
  if (state_ != State::open) {
    return;
  }
  state_ = State::last_replies;
  first_frame_.leave();
  frame_.leave();
  parts_.subscriptions.remove(*this);
  make_dirty();
}

void Connection::shut_after_last_reply() {
  if (saw_eof_) {
    close_now();
    return;
  }
  state_ = State::discarding;
  ::shutdown(socket_.get(), SHUT_WR);
  parts_.discard.join(discard_, this);
  discard();
}

void Connection::discard() {
  while (discarded_ < limits::discard_after_close) {
    const ssize_t received = receive(socket_.get(), parts_.scratch);
    if (received <= 0) {
      if (received < 0 && errno == EAGAIN) {
        rearm();
        return;
      }
      break;
    }
    discarded_ += static_cast<std::size_t>(received);
  }
  close_now();
}

void Connection::close_now() {
  if (state_ == State::closed) {
    return;
  }
  state_ = State::closed;
  attest_cancel_.cancel();
  while (!works_.empty()) {
    Work* work = works_.back();
    works_.pop_back();
    work->abandon();
  }
  if (subscribed_ > 0) {
    parts_.subscriptions.remove(*this);
  }
  output_.clear();
  (void)settle_buffer();
  parts_.listener->forget(*this);
}

Connection::Facts Connection::facts() const noexcept {
  return {since_, requests_, waiting_, output_.queued(), is_paused()};
}

}  // namespace tantalus
