// SPDX-License-Identifier: Apache-2.0
#include "protocol/frame.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/unit/protocol/wire_bytes.h"

namespace tantalus {
namespace {

using namespace wire_bytes;
using Side = FrameCutter::Side;

/// What a stream is cut into: the frames' sizes, and how it ended.
struct Cuts {
  std::vector<std::size_t> sizes;
  std::optional<Code> refused;
  std::size_t refused_after = 0;  ///< Bytes of the unfinished frame that were there.

  friend bool operator==(const Cuts& a, const Cuts& b) { return a.sizes == b.sizes && a.refused == b.refused; }
};

/// Gives the stream piece by piece, `pieces` being their sizes in turn, each in a buffer of exactly its size.
Cuts cut(std::string_view stream, const std::vector<std::size_t>& pieces, Side side = Side::agent,
         std::size_t max_frame = limits::max_frame) {
  FrameCutter cutter(side, max_frame);
  Cuts cuts;
  std::vector<char> unread;
  std::size_t piece = 0;
  while (!stream.empty()) {
    const std::size_t size = std::min(stream.size(), pieces[piece++ % pieces.size()]);
    unread.insert(unread.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    stream.remove_prefix(size);
    while (!unread.empty()) {
      const std::vector<char> exact(unread.begin(), unread.end());
      const auto next = cutter.next(std::as_bytes(std::span(exact)));
      if (!next) {
        cuts.refused = next.error().code;
        cuts.refused_after = unread.size();
        return cuts;
      }
      if (*next == 0) {
        break;
      }
      cuts.sizes.push_back(*next);
      unread.erase(unread.begin(), unread.begin() + static_cast<std::ptrdiff_t>(*next));
    }
  }
  return cuts;
}

Cuts cut_whole(std::string_view stream, Side side = Side::agent, std::size_t max_frame = limits::max_frame) {
  return cut(stream, {std::max<std::size_t>(stream.size(), 1)}, side, max_frame);
}

std::string nested(std::size_t depth, const std::string& inner) {
  std::string bytes;
  for (std::size_t i = 0; i < depth; ++i) {
    bytes += array(1);
  }
  return bytes + inner;
}

const std::string ping = array(4) + uint(0) + uint(1) + str("ping") + array(0);

}  // namespace

TEST_CASE("a stream is cut into its messages, and the rest waits") {
  const std::string resolve = request("resolve", map(1) + str("key") + str("db-password"));
  const std::string note = array(3) + uint(2) + str("anything") + array(2) + uint(1) + map(1) + nil() + bin("x");
  CHECK(cut_whole(ping + resolve + note + ping.substr(0, 5)).sizes ==
        std::vector{ping.size(), resolve.size(), note.size()});
  CHECK(cut_whole(ping + resolve).refused == std::nullopt);
}

TEST_CASE("bytes of another protocol are refused at the first of them", "[trap-37]") {
  const auto [name, bytes] = GENERATE(table<std::string, std::string>({
      {"HTTP", "GET / HTTP/1.1\r\n"},
      {"TLS", "\x16\x03\x01"},
      {"a map", map(1)},
      {"a str of 4 GiB", header(0xdb, 0xffffffff, 4)},
      {"a byte that msgpack never uses", "\xc1"},
      {"text", "hello"},
      {"zeros", std::string(3, '\0')},
      {"redis", "*1\r\n"},
  }));
  INFO(name);
  const Cuts cuts = cut(bytes, {1});
  CHECK(cuts.refused == Code::invalid_request);
  CHECK(cuts.refused_after == 1);
}

TEST_CASE("what is no request and no notification is refused", "[trap-29]") {
  const std::string tail = str("ping") + array(0);
  const auto [name, bytes] = GENERATE_COPY(table<std::string, std::string>({
      {"no elements", array(0)},
      {"two elements", array(2) + uint(0) + uint(1)},
      {"five elements", array(5) + uint(0) + uint(1) + tail + nil()},
      {"a response", array(4) + uint(1) + uint(1) + nil() + nil()},
      {"a notification of four", array(4) + uint(2) + uint(1) + tail},
      {"a request of three", array(3) + uint(0) + tail},
      {"type 3", array(4) + uint(3) + uint(1) + tail},
      {"a negative type", array(4) + "\xff" + uint(1) + tail},
      {"a type that is a str", array(4) + str("0") + uint(1) + tail},
      {"a type that is a float", array(4) + header(0xcb, 0, 8) + uint(1) + tail},
      {"a msgid of 33 bits", array(4) + uint(0) + header(0xcf, 0x100000000, 8) + tail},
      {"a negative msgid", array(4) + uint(0) + header(0xd3, 0xffffffffffffffff, 8) + tail},
      {"a msgid that is nil", array(4) + uint(0) + nil() + tail},
      {"a method that is a bin", array(4) + uint(0) + uint(1) + bin("ping") + array(0)},
      {"a method that is a number", array(4) + uint(0) + uint(1) + uint(1) + array(0)},
      {"params that are a map", array(4) + uint(0) + uint(1) + str("ping") + map(0)},
      {"params that are nil", array(4) + uint(0) + uint(1) + str("ping") + nil()},
      {"a notification with a map", array(3) + uint(2) + str("x") + map(0)},
      {"a notification whose method is a bin", array(3) + uint(2) + bin("x") + array(0)},
      {"msgpack's unused byte inside", array(4) + uint(0) + uint(1) + str("ping") + array(1) + "\xc1"},
  }));
  INFO(name);
  CHECK(cut_whole(bytes).refused == Code::invalid_request);
  CHECK(cut(bytes, {1}).refused == Code::invalid_request);
}

TEST_CASE("any encoding of a msgid that fits a uint32 is taken") {
  const std::string id = GENERATE(values<std::string>({
      "\x7f",
      header(0xcc, 0xff, 1),
      header(0xcd, 0xffff, 2),
      header(0xce, 0xffffffff, 4),
      header(0xcf, 0xffffffff, 8),
      header(0xd0, 0x7f, 1),
      header(0xd1, 5, 2),
      header(0xd2, 0x7fffffff, 4),
      header(0xd3, 0xffffffff, 8),
  }));
  const std::string message = array(4) + header(0xcc, 0, 1) + id + str("ping") + array(0);
  CHECK(cut_whole(message).sizes == std::vector{message.size()});
}

TEST_CASE("long forms of arrays and strings are cut as short ones") {
  const std::string message =
      header(0xdc, 4, 2) + uint(0) + uint(1) + header(0xd9, 4, 1) + "ping" + header(0xdd, 1, 4) + header(0xde, 0, 2);
  CHECK(cut_whole(message).sizes == std::vector{message.size()});
}

TEST_CASE("a client takes responses and notifications, no requests") {
  const std::string good = array(4) + uint(1) + uint(9) + nil() + map(1) + str("value") + bin("x");
  const std::string failed = array(4) + uint(1) + uint(9) + map(1) + str("code") + str("internal") + nil();
  const std::string changed = array(3) + uint(2) + str("changed") + array(1) + map(0);
  CHECK(cut_whole(good + failed + changed, Side::client).sizes ==
        std::vector{good.size(), failed.size(), changed.size()});
  CHECK(cut_whole(ping, Side::client).refused == Code::invalid_request);
  CHECK(cut_whole(array(4) + uint(1) + uint(9) + str("error") + nil(), Side::client).refused == Code::invalid_request);
}

TEST_CASE("a declared length that can't fit is refused when its header is seen", "[trap-27]") {
  const std::string prefix = array(4) + uint(0) + uint(1) + str("ping") + array(1);
  const auto [name, item] = GENERATE(table<std::string, std::string>({
      {"array32", header(0xdd, 0xffffffff, 4)},
      {"map32", header(0xdf, 0xffffffff, 4)},
      {"str32", header(0xdb, 0xffffffff, 4)},
      {"bin32", header(0xc6, 0xffffffff, 4)},
      {"ext32", header(0xc9, 0xffffffff, 4)},
      {"a map of half as many pairs", header(0xdf, limits::max_frame / 2, 4)},
  }));
  INFO(name);
  for (const Cuts& cuts : {cut_whole(prefix + item), cut(prefix + item, {1})}) {
    CHECK(cuts.refused == Code::too_large);
    CHECK(cuts.refused_after == prefix.size() + item.size());
  }
}

TEST_CASE("lengths that fit one by one but not together are refused at the last header", "[trap-27]") {
  const std::string bytes = array(4) + uint(0) + uint(1) + str("ping") + array(2) + array(60) + array(60);
  CHECK(cut_whole(bytes, Side::agent, 200).refused == std::nullopt);
  CHECK(cut_whole(bytes + nil(), Side::agent, 100).refused == Code::too_large);
  CHECK(cut_whole(array(4) + uint(0) + uint(1) + str("ping") + array(2) + array(60), Side::agent, 100).refused ==
        std::nullopt);
}

TEST_CASE("a frame may have max_frame bytes and not one more") {
  const std::string prefix = array(4) + uint(0) + uint(1) + str("ping") + array(1);
  for (const std::size_t body : {std::size_t{0}, std::size_t{1}}) {
    const std::size_t size = limits::max_frame - prefix.size() - 5 + body;
    const std::string message = prefix + header(0xc6, size, 4) + std::string(size, 'x');
    const Cuts cuts = cut(message, {4096});
    CHECK(cuts.sizes == (body == 0 ? std::vector{limits::max_frame} : std::vector<std::size_t>{}));
    CHECK(cuts.refused == (body == 0 ? std::nullopt : std::optional(Code::too_large)));
  }
}

TEST_CASE("an unfinished frame is never waited for past max_frame") {
  // Its last item begins within the limit and ends beyond it.
  for (const std::string& item : {header(0xcf, 1, 8), header(0xdb, 3, 4) + "abc", header(0xdc, 1, 2)}) {
    const std::string message = array(4) + uint(0) + uint(1) + str("ping") + array(1) + item;
    const Cuts cuts = cut(message, {1}, Side::agent, 10);
    CHECK(cuts.refused == Code::too_large);
    CHECK(cuts.refused_after <= 10);
  }
}

TEST_CASE("an endless payload ends the connection at max_frame", "[trap-28]") {
  // Small items without end, each within every limit of its own.
  const std::string start = array(4) + uint(0) + uint(1) + str("ping") + header(0xdd, 200'000, 4);
  const Cuts nils = cut(start + std::string(300'000, '\xc0'), {65'536});
  CHECK(nils.refused == Code::invalid_request);  // The 200,000 end, and what follows is no message.
  const Cuts arrays = cut(start + std::string(300'000, '\x91'), {65'536});
  CHECK(arrays.refused == Code::invalid_request);  // Deeper than 16.
  const std::string pairs = array(2) + nil() + nil();
  std::string many = start;
  for (int i = 0; i < 100'000; ++i) {
    many += pairs;
  }
  const Cuts cuts = cut(many, {65'536});
  CHECK(cuts.refused == Code::too_large);
  CHECK(cuts.refused_after <= limits::max_frame);
}

TEST_CASE("arrays and maps may be 16 deep, not 17", "[trap-29]") {
  const std::string prefix = array(4) + uint(0) + uint(1) + str("ping");
  const std::string at_limit = prefix + nested(15, nil());
  CHECK(cut_whole(at_limit).sizes == std::vector{at_limit.size()});
  CHECK(cut_whole(prefix + nested(15, array(0))).refused == Code::invalid_request);
  CHECK(cut_whole(prefix + nested(15, map(0))).refused == Code::invalid_request);
  CHECK(cut_whole(prefix + nested(14, map(1) + nil() + array(1) + nil())).refused == Code::invalid_request);
  // Depth is left again with what ends.
  const std::string wide = prefix + array(3) + nested(14, nil()) + nested(14, nil()) + nested(13, array(0));
  CHECK(cut_whole(wide).sizes == std::vector{wide.size()});
}

TEST_CASE("all at once, byte by byte and in any pieces a stream is cut the same", "[trap-30]") {
  const auto seed = test_seed();
  INFO("TANTALUS_TEST_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };

  for (int round = 0; round < 300; ++round) {
    std::string stream;
    for (std::size_t i = 0; i < 1 + below(6); ++i) {
      const std::string key(1 + below(300), 'k');
      stream += below(3) == 0 ? ping : request("resolve", map(2) + str("key") + str(key) + str("x") + bin("\xc1\xff"));
    }
    if (below(2) == 0) {  // A flipped byte, which may or may not end it.
      stream[below(stream.size())] = static_cast<char>(random());
    }
    std::vector<std::size_t> pieces;
    for (int i = 0; i < 7; ++i) {
      pieces.push_back(1 + below(below(2) == 0 ? 3 : 200));
    }
    const std::size_t max_frame = below(4) == 0 ? 64 + below(300) : limits::max_frame;
    const Cuts whole = cut_whole(stream, Side::agent, max_frame);
    CHECK(cut(stream, {1}, Side::agent, max_frame) == whole);
    CHECK(cut(stream, pieces, Side::agent, max_frame) == whole);
  }
}

TEST_CASE("a large frame that arrives byte by byte is not looked at again for each of them", "[trap-30]") {
  // 256 KiB in pieces of one byte: work that grows with the square of it would take minutes.
  const std::string prefix = array(4) + uint(0) + uint(1) + str("ping");
  const std::size_t count = limits::max_frame - prefix.size() - 5;
  const std::string message = prefix + header(0xdd, count, 4) + std::string(count, '\xc0');
  FrameCutter cutter(Side::agent);
  const auto bytes = bytes_of(message);
  for (std::size_t arrived = 1; arrived < bytes.size(); ++arrived) {
    const auto next = cutter.next(bytes.first(arrived));
    REQUIRE(next.has_value());
    REQUIRE(*next == 0);
  }
  CHECK(cutter.next(bytes).value() == bytes.size());
}

}  // namespace tantalus
