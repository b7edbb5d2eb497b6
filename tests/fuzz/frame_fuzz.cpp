// SPDX-License-Identifier: Apache-2.0
// A connection's bytes. However they arrive they are cut the same (trap 30), no frame is larger than it may be (trap
// 27), every frame of a client's stream is read as a message, and a call that was read is read the same from what a
// client would write. The first byte chooses the side, the limit and the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/frame.h"
#include "protocol/message.h"
#include "protocol/request.h"
#include "protocol/response.h"
#include "protocol/utf8.h"

namespace {

using namespace tantalus;
using Bytes = std::span<const std::byte>;

struct Setting {
  FrameCutter::Side side;
  std::size_t max_frame;
};

bool is_same(const Reference& a, const Reference& b) {
  return a.key == b.key && a.source == b.source && a.scope == b.scope && a.id == b.id && a.field == b.field &&
         a.version == b.version;
}

void read_back(const Call& call) {
  ReplyBuffer out;
  const bool is_resolve = call.method == Method::resolve;
  is_resolve ? request::resolve(out, call.msgid, call.reference, call.max_age)
             : request::explain(out, call.msgid, call.reference);
  MessageReader reader(1);
  check(reader.read(out) == MessageReader::Kind::call, "a written request is read");
  check(reader.call().msgid == call.msgid && reader.call().max_age == call.max_age, "its numbers are the same");
  check(is_same(reader.call().reference, call.reference), "its reference is the same");
}

void read_frame(FrameCutter::Side side, Bytes frame) {
  // Of exactly the frame's size, so that a read past its end is seen.
  const std::vector<std::byte> exact(frame.begin(), frame.end());
  if (side == FrameCutter::Side::client) {
    static_cast<void>(response::read(exact));
    return;
  }
  MessageReader reader(16);
  const auto kind = reader.read(exact);
  check(kind != MessageReader::Kind::bad_frame, "a cut frame is a message");
  if (kind == MessageReader::Kind::bad_request) {
    check(is_utf8(reader.error().message), "an error's message is UTF-8");
    check(reader.error().message.size() < 512, "an error's message is short");
    return;
  }
  const Call& call = reader.call();
  if (kind == MessageReader::Kind::call && (call.method == Method::resolve || call.method == Method::explain)) {
    read_back(call);
  }
}

struct Cuts {
  std::vector<std::size_t> sizes;
  std::optional<Code> refused;
  friend bool operator==(const Cuts&, const Cuts&) = default;
};

/// `piece` 0: all at once.
Cuts cut(Setting setting, Bytes stream, std::size_t piece, bool reads) {
  FrameCutter cutter(setting.side, setting.max_frame);
  Cuts cuts;
  std::size_t begin = 0;
  std::size_t arrived = 0;
  while (arrived < stream.size()) {
    arrived = piece == 0 ? stream.size() : std::min(stream.size(), arrived + piece);
    while (begin < arrived) {
      const Bytes unread = stream.subspan(begin, arrived - begin);
      const std::vector<std::byte> exact(unread.begin(), unread.end());
      const auto size = cutter.next(exact);
      if (!size) {
        cuts.refused = size.error().code;
        return cuts;
      }
      if (*size == 0) {
        check(unread.size() < setting.max_frame, "a full buffer is a frame or refused");
        break;
      }
      check(*size <= unread.size() && *size <= setting.max_frame, "a frame fits");
      if (reads) {
        read_frame(setting.side, unread.first(*size));
      }
      cuts.sizes.push_back(*size);
      begin += *size;
    }
  }
  return cuts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Work grows with the number of pieces times the bytes that wait.
  if (size == 0 || size > 4096) {
    return 0;
  }
  const unsigned choice = data[0];
  const Setting setting{(choice & 1U) == 0 ? FrameCutter::Side::agent : FrameCutter::Side::client,
                        (choice & 2U) == 0 ? limits::max_frame : 32};
  const Bytes stream = std::as_bytes(std::span(data + 1, size - 1));
  const Cuts whole = cut(setting, stream, 0, true);
  check(cut(setting, stream, 1, false) == whole, "byte by byte it is cut the same");
  check(cut(setting, stream, 2 + choice / 4, false) == whole, "in pieces it is cut the same");
  return 0;
}
