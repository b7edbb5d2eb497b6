// SPDX-License-Identifier: Apache-2.0
#include "agent/server/output.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tantalus {
namespace {

constexpr std::size_t keep_capacity = 16 * 1024;  // An idle connection gives back what is larger.
constexpr std::size_t most_pieces = 64;           // Of one sendmsg(2); below IOV_MAX, on the stack.

}  // namespace

void Output::add_value(Secret value) {
  unsealed_values_ += value.size();
  pins_.push_back({bytes_.size(), std::move(value)});
}

void Output::begin_reply(std::uint32_t msgid, bool audited) {
  unsealed_.push_back({msgid, audited, bytes_.size(), pins_.size()});
}

void Output::seal() noexcept {
  unsealed_.clear();
  if (sent_bytes_ >= keep_capacity && sent_bytes_ * 2 >= bytes_.size()) {
    compact();
  }
  recount();
}

void Output::compact() noexcept {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(sent_bytes_));
  pins_.erase(pins_.begin(), pins_.begin() + static_cast<std::ptrdiff_t>(next_pin_));
  for (Pinned& pin : pins_) {
    pin.at -= sent_bytes_;
  }
  sent_bytes_ = next_pin_ = 0;
}

void Output::deny_unsealed(const Error& error) {
  if (unsealed_.empty()) {
    return;
  }
  const std::size_t bytes_from = unsealed_.front().bytes_at;
  const std::size_t pins_from = unsealed_.front().pins_at;
  const ReplyBuffer old_bytes(bytes_.begin() + static_cast<std::ptrdiff_t>(bytes_from), bytes_.end());
  std::vector<Pinned> old_pins;
  for (std::size_t i = pins_from; i < pins_.size(); ++i) {
    old_pins.push_back(std::move(pins_[i]));
  }
  bytes_.resize(bytes_from);
  pins_.erase(pins_.begin() + static_cast<std::ptrdiff_t>(pins_from), pins_.end());
  const std::vector<Reply> replies = std::move(unsealed_);
  unsealed_.clear();
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Reply& reply = replies[i];
    if (reply.audited) {
      reply::error(bytes_, reply.msgid, error);
      continue;
    }
    const std::size_t bytes_to = i + 1 < replies.size() ? replies[i + 1].bytes_at : bytes_from + old_bytes.size();
    const std::size_t pins_to = i + 1 < replies.size() ? replies[i + 1].pins_at : pins_from + old_pins.size();
    const std::size_t moved_to = bytes_.size();
    bytes_.insert(bytes_.end(), old_bytes.begin() + static_cast<std::ptrdiff_t>(reply.bytes_at - bytes_from),
                  old_bytes.begin() + static_cast<std::ptrdiff_t>(bytes_to - bytes_from));
    for (std::size_t pin = reply.pins_at; pin < pins_to; ++pin) {
      Pinned& old = old_pins[pin - pins_from];
      pins_.push_back({moved_to + (old.at - reply.bytes_at), std::move(old.value)});
    }
  }
  recount();
}

void Output::recount() noexcept {
  std::size_t total = bytes_.size() - sent_bytes_;
  for (std::size_t i = next_pin_; i < pins_.size(); ++i) {
    total += pins_[i].value.size();
  }
  queued_ = total - sent_of_pin_;
  sealed_ = bytes_.size();
  unsealed_values_ = 0;
}

Output::Sent Output::send(int fd, std::size_t most) {
  while (queued_ > 0) {
    // What is sent was written below: zeroing all of it first would cost more than the rest of this function.
    [[clang::uninitialized]] std::array<iovec, most_pieces> pieces;
    std::size_t count = 0;
    std::size_t offered = 0;
    std::size_t at = sent_bytes_;
    std::size_t pin = next_pin_;
    std::size_t skip = sent_of_pin_;
    const auto add = [&](const std::byte* data, std::size_t size) {
      if (size > 0) {
        // sendmsg() reads from where the bytes lie; iovec's pointer is not const for readv()'s sake.
        pieces[count++] = {const_cast<std::byte*>(data), size};
        offered += size;
      }
    };
    while (count + 2 <= most_pieces && offered < most) {
      const std::size_t until = pin < pins_.size() ? pins_[pin].at : bytes_.size();
      add(bytes_.data() + at, until - at);
      at = until;
      if (pin == pins_.size()) {
        break;
      }
      const auto value = pins_[pin].value.expose();
      add(value.data() + skip, value.size() - skip);
      skip = 0;
      ++pin;
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);  // trap 34
    if (sent < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno == EAGAIN || errno == ENOBUFS ? Sent::some : Sent::failed;
    }
    advance(static_cast<std::size_t>(sent));
    most -= std::min(most, static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < offered || (most == 0 && queued_ > 0)) {
      return Sent::some;
    }
  }
  clear();
  return Sent::all;
}

void Output::advance(std::size_t sent) noexcept {
  queued_ -= sent;
  while (sent > 0) {
    const std::size_t until = next_pin_ < pins_.size() ? pins_[next_pin_].at : bytes_.size();
    const std::size_t of_bytes = std::min(sent, until - sent_bytes_);
    sent_bytes_ += of_bytes;
    sent -= of_bytes;
    if (sent_bytes_ < until || next_pin_ == pins_.size()) {
      return;
    }
    const std::size_t of_pin = std::min(sent, pins_[next_pin_].value.size() - sent_of_pin_);
    sent_of_pin_ += of_pin;
    sent -= of_pin;
    if (sent_of_pin_ < pins_[next_pin_].value.size()) {
      return;
    }
    // The kernel has all of it: the handle goes now, not when the whole queue has left (promise 5).
    Secret gone = std::move(pins_[next_pin_].value);
    ++next_pin_;
    sent_of_pin_ = 0;
  }
}

void Output::clear() noexcept {
  bytes_.clear();
  pins_.clear();
  unsealed_.clear();
  sent_bytes_ = next_pin_ = sent_of_pin_ = queued_ = sealed_ = unsealed_values_ = 0;
  if (bytes_.capacity() > keep_capacity) {
    ReplyBuffer().swap(bytes_);
  }
  if (pins_.capacity() * sizeof(Pinned) > keep_capacity) {
    std::vector<Pinned>().swap(pins_);
  }
}

}  // namespace tantalus
