// SPDX-License-Identifier: Apache-2.0
#include "protocol/frame.h"

#include <array>
#include <limits>
#include <string>

#include "protocol/item.h"

namespace tantalus {
namespace {

using wire::Item;

enum class Fault : std::uint8_t {
  none,
  no_array,
  no_msgpack,
  too_deep,
  too_large,
  element_count,
  type,
  msgid,
  error,
  method,
  params,
};

constexpr std::array<std::string_view, 11> faults{
    "",
    "a message is an array",
    "a byte that begins nothing in msgpack",
    "arrays and maps nested deeper than 16",
    "the frame is larger than may be",
    "a message has 4 elements or 3",
    "a message's type is 0 or 1 with 4 elements, as its sender is a client or an agent, and 2 with 3",
    "the msgid is no uint32",
    "the error is neither nil nor a map",
    "the method is no str",
    "params is no array",
};

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
      if (const Fault fault = take(item); fault != Fault::none) {
        return refuse(fault);
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
  [[nodiscard]] std::unexpected<Error> refuse(Fault fault) const {
    if (fault == Fault::too_large) {
      return fail(Code::too_large, "the frame is larger than " + std::to_string(max_frame_) + " bytes");
    }
    return fail(Code::invalid_request, "not this protocol: " + std::string(faults[static_cast<std::size_t>(fault)]));
  }

  Fault take(const Item& item) noexcept {
    if (depth_ <= 1) {
      if (const Fault fault = fault_of_kind(item.kind); fault != Fault::none) {
        return fault;
      }
    }
    if (item.state == Item::State::malformed) {
      return Fault::no_msgpack;
    }
    // What is still to come takes a byte each at the least: a frame that can't fit is refused at the header that says
    // so (trap 27), and an incomplete one is never waited for past `max_frame`.
    const bool is_whole = item.state == Item::State::whole;
    const std::uint64_t owed = owed_ - 1 + (is_whole ? item.children() : 0);
    if (item.end > max_frame_ || owed > max_frame_ - item.end) {
      return Fault::too_large;
    }
    if (!is_whole) {
      return Fault::none;
    }
    if (depth_ <= 1) {
      if (const Fault fault = fault_of_value(item); fault != Fault::none) {
        return fault;
      }
    }
    at_ = item.end;
    owed_ = owed;
    return descend(item);
  }

  /// Goes into an array or a map, or past a scalar, and out of all that it ends.
  Fault descend(const Item& item) noexcept {
    if (item.kind == Item::Kind::array || item.kind == Item::Kind::map) {
      if (depth_ == limits::max_depth) {
        return Fault::too_deep;
      }
      left_[depth_] = item.children() + 1;  // And its header itself, which is passed here.
      ++depth_;
    }
    while (depth_ > 0 && --left_[depth_ - 1] == 0) {
      --depth_;
    }
    return Fault::none;
  }

  /// Which element of the message comes: 0 is its type. Only at depth 1.
  [[nodiscard]] std::uint64_t element() const noexcept { return count_ - left_[0]; }

  /// What an item's first byte tells already, so that another protocol's bytes are refused at once (trap 37).
  [[nodiscard]] Fault fault_of_kind(Item::Kind kind) const noexcept {
    using Kind = Item::Kind;
    if (depth_ == 0) {
      return kind == Kind::array ? Fault::none : Fault::no_array;
    }
    const std::uint64_t position = element();
    if (position == 0) {
      return kind == Kind::integer ? Fault::none : Fault::type;
    }
    if (count_ == 4 && position == 1) {
      return kind == Kind::integer ? Fault::none : Fault::msgid;
    }
    if (count_ == 4 && side_ == Side::client) {  // A response: its result may be anything.
      return position == 3 || kind == Kind::nil || kind == Kind::map ? Fault::none : Fault::error;
    }
    if (position + 2 == count_) {
      return kind == Kind::str ? Fault::none : Fault::method;
    }
    return kind == Kind::array ? Fault::none : Fault::params;
  }

  [[nodiscard]] Fault fault_of_value(const Item& item) noexcept {
    if (depth_ == 0) {
      count_ = item.number;
      return count_ == 3 || count_ == 4 ? Fault::none : Fault::element_count;
    }
    if (element() == 0) {
      const std::uint64_t of_four = side_ == Side::agent ? 0 : 1;
      return item.as_unsigned() == (count_ == 3 ? 2 : of_four) ? Fault::none : Fault::type;
    }
    if (element() == 1 && count_ == 4) {
      const bool fits = !item.is_negative && item.number <= std::numeric_limits<std::uint32_t>::max();
      return fits ? Fault::none : Fault::msgid;
    }
    return Fault::none;
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
