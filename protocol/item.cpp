// SPDX-License-Identifier: Apache-2.0
#include "protocol/item.h"

#include <algorithm>
#include <msgpack.hpp>

namespace tantalus::wire {
namespace {

using Kind = Item::Kind;
using State = Item::State;

unsigned at_of(Bytes bytes, std::size_t at) noexcept {
  return std::to_integer<unsigned>(bytes[at]);
}

/// msgpack's specification, "Overview" of its formats. 0xc1, never used, is given as nil: the reader refuses it.
Kind kind_of(unsigned first) noexcept {
  if (first <= 0x7f || first >= 0xe0) {
    return Kind::integer;
  }
  if (first <= 0x8f) {
    return Kind::map;
  }
  if (first <= 0x9f) {
    return Kind::array;
  }
  if (first <= 0xbf) {
    return Kind::str;
  }
  constexpr Kind kinds[] = {Kind::nil,     Kind::nil,     Kind::boolean, Kind::boolean, Kind::bin,     Kind::bin,
                            Kind::bin,     Kind::ext,     Kind::ext,     Kind::ext,     Kind::real,    Kind::real,
                            Kind::integer, Kind::integer, Kind::integer, Kind::integer, Kind::integer, Kind::integer,
                            Kind::integer, Kind::integer, Kind::ext,     Kind::ext,     Kind::ext,     Kind::ext,
                            Kind::ext,     Kind::str,     Kind::str,     Kind::str,     Kind::array,   Kind::array,
                            Kind::map,     Kind::map};
  return kinds[first - 0xc0];
}

/// Of an array or a map: fixed, 16 or 32 bits of size.
std::size_t container_header(unsigned first) noexcept {
  if (first <= 0x9f) {
    return 1;
  }
  return first == 0xdc || first == 0xde ? 3 : 5;
}

/// The bytes that an item announces past its header, which ends at `header_end`: msgpack-c waits for them, and doesn't
/// tell how many they are.
std::uint64_t declared_size(Bytes bytes, std::size_t at, std::size_t header_end) noexcept {
  const unsigned first = at_of(bytes, at);
  if (first >= 0xa0 && first <= 0xbf) {
    return first & 0x1fU;
  }
  std::uint64_t size = 0;
  for (std::size_t i = at + 1; i < header_end; ++i) {
    size = size << 8U | at_of(bytes, i);
  }
  const bool is_sized_ext = first >= 0xc7 && first <= 0xc9 && header_end > at + 1;
  return is_sized_ext ? size + 1 : size;  // An ext has its type before its bytes.
}

/// Stops at an array's or a map's header: its elements are asked for one by one.
struct ItemVisitor : msgpack::null_visitor {
  Item item;

  void init() {}
  bool visit_nil() { return is(Kind::nil, 0); }
  bool visit_boolean(bool v) { return is(Kind::boolean, v ? 1 : 0); }
  bool visit_positive_integer(std::uint64_t v) { return is(Kind::integer, v); }
  bool visit_negative_integer(std::int64_t v) {
    item.is_negative = v < 0;  // An int8 to int64 may well hold what is not negative.
    return is(Kind::integer, static_cast<std::uint64_t>(v));
  }
  bool visit_float32(float) { return is(Kind::real, 0); }
  bool visit_float64(double) { return is(Kind::real, 0); }
  bool visit_str(const char* v, std::uint32_t size) { return is_text(Kind::str, v, size); }
  bool visit_bin(const char* v, std::uint32_t size) { return is_text(Kind::bin, v, size); }
  bool visit_ext(const char* v, std::uint32_t size) { return is_text(Kind::ext, v, size); }
  bool start_array(std::uint32_t count) { return !is(Kind::array, count); }
  bool start_map(std::uint32_t pairs) { return !is(Kind::map, pairs); }

 private:
  bool is(Kind kind, std::uint64_t number) {
    item.state = State::whole;
    item.kind = kind;
    item.number = number;
    return true;
  }
  bool is_text(Kind kind, const char* v, std::uint32_t size) {
    item.text = size == 0 ? std::string_view() : std::string_view(v, size);
    return is(kind, 0);
  }
};

constexpr Item broken_item{};

}  // namespace

class ItemReader::Parser {
 public:
  Parser() : context_(visitor_) {}

  const Item& read(Bytes bytes, std::size_t at) noexcept {
    Item& item = visitor_.item;
    item = Item{};
    if (at >= bytes.size()) {
      item.state = State::incomplete;
      item.end = at + 1;
      return item;
    }
    const unsigned first = at_of(bytes, at);
    // Whatever came before, an error too, the next item starts from nothing.
    context_.init();
    std::size_t end = at;
    const auto outcome = context_.execute(reinterpret_cast<const char*>(bytes.data()), bytes.size(), end);
    if (item.state == State::whole) {
      const bool is_container = item.kind == Kind::array || item.kind == Kind::map;
      item.end = is_container ? at + container_header(first) : end;
      return item;
    }
    item.kind = kind_of(first);
    if (outcome == msgpack::PARSE_CONTINUE) {
      item.state = State::incomplete;
      item.end = std::max(bytes.size() + 1, end + static_cast<std::size_t>(declared_size(bytes, at, end)));
    }
    return item;
  }

 private:
  ItemVisitor visitor_;
  msgpack::detail::parse_helper<ItemVisitor> context_;
};

ItemReader::ItemReader() : parser_(std::make_unique<Parser>()) {}
ItemReader::ItemReader(ItemReader&&) noexcept = default;
ItemReader& ItemReader::operator=(ItemReader&&) noexcept = default;
ItemReader::~ItemReader() = default;

const Item& ItemReader::read(Bytes bytes, std::size_t at) noexcept {
  return parser_->read(bytes, at);
}

const Item& Cursor::next() noexcept {
  if (broken_) {
    return broken_item;
  }
  const Item& item = reader_->read(bytes_, at_);
  if (item.state != State::whole) {
    broken_ = true;
    return broken_item;
  }
  at_ = item.end;
  return item;
}

void Cursor::skip() noexcept {
  for (std::uint64_t owed = 1; owed > 0 && !broken_; --owed) {
    owed += next().children();
  }
}

}  // namespace tantalus::wire
