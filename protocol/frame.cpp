// SPDX-License-Identifier: Apache-2.0
#include "protocol/frame.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "protocol/item.h"

namespace tantalus {
namespace {

using wire::Item;
using Kind = wire::Item::Kind;

std::unexpected<Error> refuse(const char* what) {
  return fail(Code::invalid_request, std::string("not this protocol: ") + what);
}

}  // namespace

class FrameCutter::State {
 public:
  State(Side side, std::size_t max_frame) : side_(side), max_frame_(max_frame) {}

  Result<std::size_t> next(wire::Bytes unread) {
    while (owed_ > 0) {
      if (at_ >= unread.size()) {
        return std::size_t{0};
      }
      const Item& item = reader_.read(unread, at_);
      if (auto taken = take(item); !taken) {
        return std::unexpected(std::move(taken.error()));
      }
      if (item.state == Item::State::incomplete) {
        return std::size_t{0};
      }
    }
    const std::size_t size = at_;
    at_ = 0;
    owed_ = 1;
    return size;
  }

 private:
  Result<void> take(const Item& item) {
    if (depth_ <= 1) {
      if (const char* fault = fault_of_kind(item.kind)) {
        return refuse(fault);
      }
    }
    if (item.state == Item::State::malformed) {
      return refuse("a byte that begins nothing in msgpack");
    }
    // What is still to come takes a byte each at the least: a frame that can't fit is refused at the header that says
    // so (trap 27), and an incomplete one is never waited for past `max_frame`.
    const std::uint64_t owed = owed_ - 1 + (item.state == Item::State::whole ? item.children() : 0);
    if (item.end > max_frame_ || owed > max_frame_ - item.end) {
      return fail(Code::too_large, "the frame is larger than " + std::to_string(max_frame_) + " bytes");
    }
    if (item.state == Item::State::incomplete) {
      return {};
    }
    if (depth_ <= 1) {
      if (const char* fault = fault_of_value(item)) {
        return refuse(fault);
      }
    }
    at_ = item.end;
    owed_ = owed;
    return descend(item);
  }

  /// Goes into an array or a map, or past a scalar, and out of all that it ends.
  Result<void> descend(const Item& item) {
    if (item.kind == Kind::array || item.kind == Kind::map) {
      if (depth_ == limits::max_depth) {
        return refuse("arrays and maps nested deeper than 16");
      }
      left_[depth_] = item.children() + 1;  // And the header itself, which is passed below.
      ++depth_;
    }
    while (depth_ > 0 && --left_[depth_ - 1] == 0) {
      --depth_;
    }
    return {};
  }

  /// Which element of the message comes: 0 is its type. Only at depth 1.
  [[nodiscard]] std::uint64_t element() const noexcept { return count_ - left_[0]; }

  [[nodiscard]] const char* fault_of_kind(Kind kind) const noexcept {
    if (depth_ == 0) {
      return kind == Kind::array ? nullptr : "the first byte is no array's";
    }
    const std::uint64_t position = element();
    const bool is_notification = count_ == 3;
    if (position == 0) {
      return kind == Kind::integer ? nullptr : "the message type is no integer";
    }
    if (position == 1 && !is_notification) {
      return kind == Kind::integer ? nullptr : "the msgid is no integer";
    }
    if (position == 2 && !is_notification && side_ == Side::client) {
      return kind == Kind::nil || kind == Kind::map ? nullptr : "the error is neither nil nor a map";
    }
    if (position == 3 && side_ == Side::client) {
      return nullptr;  // A result may be anything.
    }
    if (position + 2 == count_) {
      return kind == Kind::str ? nullptr : "the method is no str";
    }
    return kind == Kind::array ? nullptr : "params is no array";
  }

  [[nodiscard]] const char* fault_of_value(const Item& item) noexcept {
    if (depth_ == 0) {
      if (item.number != 3 && item.number != 4) {
        return "the message has neither 4 elements nor 3";
      }
      count_ = item.number;
      return nullptr;
    }
    if (element() == 0) {
      const std::uint64_t four = side_ == Side::agent ? 0 : 1;
      if (item.is_negative || item.number != (count_ == 3 ? 2 : four)) {
        return side_ == Side::agent ? "neither a request [0, …] of 4 elements nor a notification [2, …] of 3"
                                    : "neither a response [1, …] of 4 elements nor a notification [2, …] of 3";
      }
    }
    if (element() == 1 && count_ == 4) {
      const bool fits = !item.is_negative && item.number <= std::numeric_limits<std::uint32_t>::max();
      return fits ? nullptr : "the msgid is no uint32";
    }
    return nullptr;
  }

  Side side_;
  std::size_t max_frame_;
  wire::ItemReader reader_;
  std::size_t at_ = 0;       ///< Where the next item begins.
  std::uint64_t owed_ = 1;   ///< Items that are still to come, as far as the headers so far tell.
  std::uint64_t count_ = 0;  ///< Elements of the message.
  std::size_t depth_ = 0;
  std::array<std::uint64_t, limits::max_depth> left_{};  ///< For each open array or map, the items it still holds.
};

FrameCutter::FrameCutter(Side side, std::size_t max_frame) : state_(std::make_unique<State>(side, max_frame)) {}
FrameCutter::FrameCutter(FrameCutter&&) noexcept = default;
FrameCutter& FrameCutter::operator=(FrameCutter&&) noexcept = default;
FrameCutter::~FrameCutter() = default;

Result<std::size_t> FrameCutter::next(std::span<const std::byte> unread) {
  return state_->next(unread);
}

}  // namespace tantalus
