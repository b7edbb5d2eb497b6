// SPDX-License-Identifier: Apache-2.0
#include "client/src/calls.h"

#include <poll.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "client/src/token.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace tantalus::client {
namespace {

constexpr int reads_at_once = 64;  // Then the caller's event loop has its turn.

Failure connection_ended() {
  return {TANTALUS_NO_AGENT, 0, "the connection to the agent ended before its answer"};
}

Failure unreadable(const Error& error) {
  return {TANTALUS_INTERNAL, 0, "what answers on the socket does not speak the agent's protocol: " + error.message};
}

Failure no_memory() {
  return {TANTALUS_OUT_OF_MEMORY, 0, "no memory for the agent's answer"};
}

}  // namespace

Calls::Calls(std::shared_ptr<LockedHeap> heap) : heap_(std::move(heap)), transport_(heap_) {}

void Calls::notice_fork() {
  if (!heap_->is_forked()) {
    return;
  }
  std::shared_ptr<LockedHeap> heap = LockedHeap::make();
  check(heap != nullptr, "no memory for a forked client");
  heap_ = std::move(heap);
  transport_.restart(heap_);
  hello_ = 0;
  resubscribe_ = 0;
  fail_all({TANTALUS_NO_AGENT, 0, "the call was the parent's, before fork()"});
}

Call* Calls::prepare(Wanted wanted) {
  if (calls_.size() >= limits::max_inflight) {
    return nullptr;
  }
  if (spare_.empty()) {
    spare_.push_back(std::make_unique<Call>());
  }
  calls_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  Call& call = *calls_.back();
  call.number = next_number();
  call.wanted = wanted;
  call.deadline = timeout == Millis::max() ? Instant::max() : now() + timeout;
  return &call;
}

Failure Calls::submit(Call& call, bool may_block) {
  patience_ = {may_block, call.deadline};
  if (!transport_.is_open()) {
    if (Failure failure = open(); failure.failed()) {
      if (call.done) {
        failure = std::move(call.failure);
      }
      drop(call.number);
      return failure;
    }
  }
  if (!transport_.send(call.request)) {
    ended();
  }
  return {};
}

void Calls::await(Call& call) {
  patience_ = {true, call.deadline};
  // The usual case is one blocking receive; a connection that was just made, or is behind with sending, polls.
  if (!call.done && !transport_.is_sending() && !just_opened_) {
    received(transport_.receive(timeout));
  }
  just_opened_ = false;
  while (!call.done) {
    expire();
    if (!call.done) {
      wait_and_receive(call.deadline);
    }
  }
}

Call* Calls::find(std::uint32_t number) noexcept {
  const auto found = std::ranges::find(calls_, number, [](const auto& call) { return call->number; });
  return found == calls_.end() ? nullptr : found->get();
}

void Calls::drop(std::uint32_t number) noexcept {
  const auto found = std::ranges::find(calls_, number, [](const auto& call) { return call->number; });
  if (found == calls_.end()) {
    return;
  }
  std::unique_ptr<Call> call = std::move(*found);
  calls_.erase(found);
  constexpr std::size_t kept = 4;
  if (spare_.size() < kept && call->request.capacity() <= 16 * limits::KiB) {
    call->resent = false;
    call->done = false;
    call->request.clear();
    call->references.clear();
    call->refused.clear();
    call->failure = {};
    call->secret.reset();
    call->reply.reset();
    spare_.push_back(std::move(call));
  }
}

void Calls::process() {
  patience_ = {};
  if (!transport_.is_open() && subscriptions_.size() > 0 && !subscription_failure_.failed()) {
    subscription_failure_ = open();
  }
  if (transport_.is_open() &&
      (!transport_.flush() || (must_subscribe_ && !subscription_failure_.failed() && !subscribe_again()))) {
    ended();
  }
  for (int i = 0; i < reads_at_once && transport_.is_open(); ++i) {
    const Transport::Received what = transport_.receive(Millis{0});
    if (what == Transport::Received::nothing) {
      break;
    }
    received(what);
  }
  expire();
}

Failure Calls::await_change(Instant deadline, Row& change) {
  patience_ = {true, deadline};
  while (true) {
    if (Failure failure = take_change(change); failure.status != TANTALUS_PENDING) {
      return failure;
    }
    if (!transport_.is_open()) {
      if (Failure failure = open(); failure.failed()) {
        return failure;
      }
    }
    if (must_subscribe_ && !subscribe_again()) {
      ended();
    }
    wait_and_receive(deadline);
    if (!subscriptions_.has_changes() && !subscription_failure_.failed() && wait_for(deadline) == 0) {
      return {TANTALUS_TIMED_OUT, 0, "nothing has changed"};
    }
  }
}

Failure Calls::take_change(Row& change) {
  Subscribed state;
  if (subscriptions_.take(state)) {
    change = to_row(state);
    return {};
  }
  if (subscription_failure_.failed()) {
    return std::exchange(subscription_failure_, {});
  }
  if (subscriptions_.size() == 0) {
    return {TANTALUS_INVALID_REQUEST, 0, "nothing is subscribed to"};
  }
  return {TANTALUS_PENDING, 0, "nothing has changed"};
}

void Calls::disconnect() {
  transport_.close();
  hello_ = 0;
  resubscribe_ = 0;
  fail_all({TANTALUS_NO_AGENT, 0, "the client was disconnected"});
}

short Calls::events() const noexcept {
  if (!transport_.is_open()) {
    return 0;
  }
  return static_cast<short>(transport_.is_sending() ? POLLIN | POLLOUT : POLLIN);
}

int Calls::wait_ms() const noexcept {
  Instant earliest = Instant::max();
  for (const auto& call : calls_) {
    earliest = call->done ? Instant::min() : std::min(earliest, call->deadline);
    if (call->done) {
      return 0;
    }
  }
  return wait_for(earliest);
}

std::uint32_t Calls::next_number() noexcept {
  do {
    ++last_number_;  // 0 is the answer to what was no request.
  } while (last_number_ == 0 || last_number_ == hello_ || last_number_ == resubscribe_ ||
           find(last_number_) != nullptr);
  return last_number_;
}

Failure Calls::open() {
  LockedBuffer token(heap_);
  if (!token_file.empty()) {
    if (Failure failure = read_token(token_file, token); failure.failed()) {
      return failure;
    }
  }
  if (Failure failure = transport_.open(socket, patience_.deadline, patience_.may_block); failure.failed()) {
    return failure;
  }
  just_opened_ = true;
  hello_ = 0;
  resubscribe_ = 0;
  if (!greet(token.bytes()) || (subscriptions_.size() > 0 && !subscribe_again())) {
    // What the agent said before it closed tells more than the closing: overloaded, for one.
    if (transport_.receive(Millis{0}) == Transport::Received::bytes) {
      read_frames();
    }
    transport_.close();
    return connection_ended();
  }
  return {};
}

bool Calls::greet(std::span<const std::byte> token) {
  if (token.empty()) {
    return true;
  }
  hello_ = next_number();
  ReplyBuffer request;
  request.reserve(token.size() + limits::KiB);  // Growing would leave a copy of the token behind.
  request::hello(request, hello_, name, std::string_view(reinterpret_cast<const char*>(token.data()), token.size()));
  const bool sent = transport_.send(request);
  wipe(request);
  return sent;
}

bool Calls::subscribe_again() {
  must_subscribe_ = false;
  resubscribe_ = next_number();
  ReplyBuffer request;
  request::subscribe(request, resubscribe_, subscriptions_.references());
  return transport_.send(request);
}

void Calls::wait_and_receive(Instant deadline) {
  pollfd descriptor{transport_.fd(), events(), 0};
  if (poll(&descriptor, 1, wait_for(deadline)) <= 0) {
    return;
  }
  if ((descriptor.revents & POLLOUT) != 0 && !transport_.flush()) {
    ended();
    return;
  }
  if ((descriptor.revents & ~POLLOUT) != 0) {
    received(transport_.receive(Millis{0}));
  }
}

void Calls::received(Transport::Received what) {
  switch (what) {
    case Transport::Received::bytes:
      read_frames();
      return;
    case Transport::Received::nothing:
      return;
    case Transport::Received::ended:
      ended();
      return;
    case Transport::Received::no_memory:
      break_off(no_memory());
      return;
  }
}

void Calls::read_frames() {
  if (read_only_secret()) {
    return;
  }
  while (transport_.is_open()) {
    Result<std::span<const std::byte>> frame = transport_.next_frame();
    if (!frame) {
      break_off(unreadable(frame.error()));
      return;
    }
    if (frame->empty()) {
      return;
    }
    read_frame(*frame);
  }
}

/// The usual case: one call is under way, and what has arrived is its secret and nothing else. Then it is read once,
/// without cutting it first, which is half of what this side of a call costs.
bool Calls::read_only_secret() {
  if (calls_.size() != 1 || calls_.front()->done || calls_.front()->wanted != Wanted::secret) {
    return false;
  }
  const std::span<const std::byte> bytes = transport_.whole();
  if (bytes.empty()) {
    return false;
  }
  Call& call = *calls_.front();
  const Result<response::Head> head = response::read_head(bytes);
  if (!head || head->is_notification || head->error || head->msgid != call.number) {
    return false;
  }
  const Result<response::SecretView> view = response::read_secret(head->result);
  if (!view) {
    return false;  // Not all of it is there, or more than it.
  }
  finish_secret(call, *view);
  transport_.take_whole();
  return true;
}

void Calls::read_frame(std::span<const std::byte> frame) {
  const Result<response::Head> head = response::read_head(frame);  // The cutter has seen that it is whole.
  if (!head) {
    break_off(unreadable(head.error()));
    return;
  }
  if (head->is_notification) {
    if (head->method == "changed") {
      if (const Result<response::SubscriptionItem> item = response::read_change(head->result); item) {
        subscriptions_.note(to_subscribed(*item));
      }
    }
    return;
  }
  // The answer to what was no request: it holds for all that is under way, and the agent closes the connection.
  if (head->msgid == 0 && head->error) {
    break_off(to_failure(*head->error));
    return;
  }
  if (head->msgid == hello_ && hello_ != 0) {
    hello_ = 0;
    if (head->error) {
      break_off(to_failure(*head->error));
    }
    return;
  }
  if (head->msgid == resubscribe_ && resubscribe_ != 0) {
    resubscribe_ = 0;
    resubscribed(*head);
    return;
  }
  if (Call* const call = find(head->msgid); call != nullptr && !call->done) {
    finish(*call, *head);
  }
}

void Calls::finish(Call& call, const response::Head& head) {
  call.done = true;
  if (call.wanted == Wanted::secret) {
    finish_secret(call, head);
    return;
  }
  if (head.error) {
    call.failure = to_failure(*head.error);
    return;
  }
  if (call.wanted == Wanted::batch) {
    finish_batch(call, head.result);
    return;
  }
  if (call.wanted == Wanted::subscriptions) {
    finish_subscriptions(call, head.result);
    return;
  }
  if (call.wanted == Wanted::members) {
    Result<std::vector<response::Member>> members = response::read_members(head.result);
    if (!members) {
      call.failure = unreadable(members.error());
      return;
    }
    call.reply = std::make_unique<tantalus_reply>();
    call.reply->rows.emplace_back().members = std::move(*members);
    return;
  }
  if (call.wanted == Wanted::catalog) {
    const Result<std::vector<response::CatalogItem>> items = response::read_catalog(head.result);
    if (!items) {
      call.failure = unreadable(items.error());
      return;
    }
    call.reply = std::make_unique<tantalus_reply>();
    for (const response::CatalogItem& item : *items) {
      call.reply->rows.push_back(to_row(item));
    }
  }
}

namespace {

/// What clients alone understand: `default=TEXT` and `optional=true` of what is not found.
void settle_not_found(const std::shared_ptr<LockedHeap>& heap, const ReferenceText& reference, Failure& failure,
                      std::unique_ptr<tantalus_secret>& secret) {
  if (failure.status != TANTALUS_NOT_FOUND) {
    return;
  }
  if (reference.default_value) {
    secret = make_default(heap, reference);
    failure = secret == nullptr ? no_memory() : Failure{};
  } else if (reference.optional) {
    failure = {};
  }
}

}  // namespace

void Calls::finish_secret(Call& call, const response::Head& head) {
  if (head.error) {
    call.failure = to_failure(*head.error);
    settle_not_found(heap_, call.references.front(), call.failure, call.secret);
    return;
  }
  const Result<response::SecretView> view = response::read_secret(head.result);
  if (!view) {
    call.failure = unreadable(view.error());
    return;
  }
  finish_secret(call, *view);
}

void Calls::finish_secret(Call& call, const response::SecretView& view) {
  call.done = true;
  call.secret = make_secret(heap_, view);
  if (call.secret == nullptr) {
    call.failure = no_memory();
  }
}

void Calls::finish_batch(Call& call, std::span<const std::byte> result) {
  const Result<std::vector<response::BatchItem>> items = response::read_batch(result);
  const auto sent = std::ranges::count_if(call.refused, [](const Failure& failure) { return !failure.failed(); });
  if (!items || items->size() != static_cast<std::size_t>(sent)) {
    call.failure = unreadable(items ? Error{Code::internal, "a batch of another size", {}} : items.error());
    return;
  }
  call.reply = std::make_unique<tantalus_reply>();
  auto item = items->begin();
  for (std::size_t i = 0; i < call.references.size(); ++i) {
    Row& row = call.reply->rows.emplace_back();
    if (call.refused[i].failed()) {
      row.failure = call.refused[i];
      continue;
    }
    if (item->error) {
      row.failure = to_failure(*item->error);
      settle_not_found(heap_, call.references[i], row.failure, row.secret);
    } else if (item->secret) {
      row.secret = make_secret(heap_, *item->secret);
      row.failure = row.secret == nullptr ? no_memory() : Failure{};
    }
    ++item;
  }
}

void Calls::finish_subscriptions(Call& call, std::span<const std::byte> result) {
  const Result<std::vector<response::SubscriptionItem>> items = response::read_subscriptions(result);
  const auto sent = std::ranges::count_if(call.refused, [](const Failure& failure) { return !failure.failed(); });
  if (!items || items->size() != static_cast<std::size_t>(sent)) {
    call.failure = unreadable(items ? Error{Code::internal, "a batch of another size", {}} : items.error());
    return;
  }
  call.reply = std::make_unique<tantalus_reply>();
  auto item = items->begin();
  for (std::size_t i = 0; i < call.references.size(); ++i) {
    Row& row = call.reply->rows.emplace_back();
    if (call.refused[i].failed()) {
      row.failure = call.refused[i];
      continue;
    }
    if (item->error) {
      row.failure = to_failure(*item->error);
    } else {
      Subscribed state = to_subscribed(*item);
      row = to_row(state);
      subscriptions_.add(std::move(call.references[i]), std::move(state));
    }
    ++item;
  }
}

void Calls::resubscribed(const response::Head& head) {
  Failure failure;
  if (head.error) {
    failure = to_failure(*head.error);
  } else if (const Result<std::vector<response::SubscriptionItem>> items = response::read_subscriptions(head.result);
             items) {
    for (const response::SubscriptionItem& item : *items) {
      if (item.error) {
        failure = to_failure(*item.error);
      } else {
        subscriptions_.note(to_subscribed(item));
      }
    }
  } else {
    failure = unreadable(items.error());
  }
  if (failure.failed()) {
    subscription_failure_ = std::move(failure);
    must_subscribe_ = true;
  }
}

void Calls::ended() {
  for (int i = 0; i < reads_at_once && transport_.is_open(); ++i) {
    if (transport_.receive(Millis{0}) != Transport::Received::bytes) {
      break;
    }
    read_frames();
  }
  if (transport_.is_within_frame()) {
    transport_.close();
    fail_all(connection_ended());
    return;
  }
  transport_.close();
  fail_all(connection_ended(), true);
  if (!is_waiting() && (subscriptions_.size() == 0 || subscription_failure_.failed())) {
    return;
  }
  if (Failure failure = open(); failure.failed()) {
    fail_all(failure);
    if (subscriptions_.size() > 0) {
      subscription_failure_ = std::move(failure);
    }
    return;
  }
  for (const auto& call : calls_) {
    if (!call->done) {
      call->resent = true;
      if (!transport_.send(call->request)) {
        transport_.close();
        fail_all(connection_ended());
        return;
      }
    }
  }
}

void Calls::break_off(const Failure& failure) {
  transport_.close();
  hello_ = 0;
  resubscribe_ = 0;
  fail_all(failure);
  if (subscriptions_.size() > 0) {
    subscription_failure_ = failure;
  }
}

void Calls::expire() {
  if (!is_waiting()) {
    return;
  }
  const Instant time = now();
  for (const auto& call : calls_) {
    if (!call->done && call->deadline <= time) {
      call->done = true;
      call->failure = {TANTALUS_TIMED_OUT, 0, "the agent did not answer in time"};
    }
  }
}

void Calls::fail_all(const Failure& failure, bool only_resent) {
  for (const auto& call : calls_) {
    if (!call->done && (call->resent || !only_resent)) {
      call->done = true;
      call->failure = failure;
    }
  }
}

bool Calls::is_waiting() const noexcept {
  return std::ranges::any_of(calls_, [](const auto& call) { return !call->done; });
}

}  // namespace tantalus::client
