// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/wire.h"

#include <algorithm>

namespace tantalus::bench {
namespace {

std::string text(const std::string& value) {
  std::string packed;
  if (value.size() < 32) {
    packed.push_back(static_cast<char>(0xa0U | value.size()));
  } else {
    packed.push_back(static_cast<char>(0xd9));
    packed.push_back(static_cast<char>(value.size()));
  }
  return packed + value;
}

std::string request_head(const std::string& method) {
  return std::string("\x94\x00\xce\x01\x02\x03\x04", 7) + text(method) + "\x91";
}

std::string reference(const std::string& key) {
  return "\x82" + text("key") + text(key) + text("source") + text("file");
}

/// What the first byte of an item says about it (MessagePack specification, "Formats").
struct Format {
  std::size_t length_bytes;  ///< Of the length or count that follows the first byte.
  std::size_t fixed_payload;
  enum class Kind : std::uint8_t { scalar, bytes, array, map } kind;
};

Format format_of(unsigned char first) {
  using Kind = Format::Kind;
  if (first < 0x80 || first >= 0xe0) {
    return {0, 0, Kind::scalar};
  }
  if (first < 0x90) {
    return {0, 0, Kind::map};
  }
  if (first < 0xa0) {
    return {0, 0, Kind::array};
  }
  if (first < 0xc0) {
    return {0, 0, Kind::bytes};
  }
  switch (first) {
    case 0xc4:
    case 0xd9:
      return {1, 0, Kind::bytes};
    case 0xc5:
    case 0xda:
      return {2, 0, Kind::bytes};
    case 0xc6:
    case 0xdb:
      return {4, 0, Kind::bytes};
    case 0xcc:
    case 0xd0:
      return {0, 1, Kind::scalar};
    case 0xcd:
    case 0xd1:
      return {0, 2, Kind::scalar};
    case 0xca:
    case 0xce:
    case 0xd2:
      return {0, 4, Kind::scalar};
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return {0, 8, Kind::scalar};
    case 0xdc:
      return {2, 0, Kind::array};
    case 0xdd:
      return {4, 0, Kind::array};
    case 0xde:
      return {2, 0, Kind::map};
    case 0xdf:
      return {4, 0, Kind::map};
    default:
      return {0, 0, Kind::scalar};
  }
}

std::uint64_t count_in(unsigned char first, Format::Kind kind) {
  if (kind == Format::Kind::bytes) {
    return first & 0x1fU;
  }
  return first & 0x0fU;
}

}  // namespace

std::string resolve_request(const std::string& key) {
  return request_head("resolve") + reference(key);
}

std::string resolve_many_request(const std::vector<std::string>& keys) {
  std::string request = request_head("resolve_many") + "\x81" + text("refs");
  request.push_back(static_cast<char>(0xdc));
  request.push_back(static_cast<char>(keys.size() >> 8U));
  request.push_back(static_cast<char>(keys.size() & 0xffU));
  for (const std::string& key : keys) {
    request += reference(key);
  }
  return request;
}

std::size_t ReplyCounter::feed(std::span<const std::byte> bytes) {
  std::size_t ended = 0;
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const std::size_t skipped = std::min<std::uint64_t>(payload_left_, bytes.size());
      payload_left_ -= skipped;
      bytes = bytes.subspan(skipped);
    } else {
      if (items_left_ == 0) {
        items_left_ = 1;
        item_ = 0;
      }
      header_[header_size_++] = static_cast<unsigned char>(bytes.front());
      bytes = bytes.subspan(1);
      if (header_size_ == 1) {
        header_wanted_ = 1 + format_of(header_[0]).length_bytes;
      }
      if (header_size_ < header_wanted_) {
        continue;
      }
      begin_item();
    }
    if (items_left_ == 0 && payload_left_ == 0) {
      ++ended;
    }
  }
  return ended;
}

void ReplyCounter::begin_item() {
  const unsigned char first = header_[0];
  const Format format = format_of(first);
  // A response is an array of four: 1, msgid, error (nil when all is well), result.
  if ((item_ == 0 && first != 0x94) || (item_ == 1 && first != 0x01) || (item_ == 3 && first != 0xc0)) {
    ++failures_;
  }
  ++item_;
  std::uint64_t count = count_in(first, format.kind);
  if (format.length_bytes > 0) {
    count = 0;
    for (std::size_t i = 1; i <= format.length_bytes; ++i) {
      count = count << 8U | header_[i];
    }
  }
  --items_left_;
  switch (format.kind) {
    case Format::Kind::scalar:
      payload_left_ = format.fixed_payload;
      break;
    case Format::Kind::bytes:
      payload_left_ = count;
      break;
    case Format::Kind::array:
      items_left_ += count;
      break;
    case Format::Kind::map:
      items_left_ += 2 * count;
      break;
  }
  header_size_ = 0;
  header_wanted_ = 1;
}

}  // namespace tantalus::bench
