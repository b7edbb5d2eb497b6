// SPDX-License-Identifier: Apache-2.0
#include "protocol/writer.h"

#include <cstring>
#include <msgpack.hpp>

namespace tantalus::wire {
namespace {

/// A packer holds nothing but its stream, so one is made for each item.
msgpack::packer<Writer> to(Writer& writer) noexcept {
  return msgpack::packer<Writer>(writer);
}

std::uint32_t u32(std::size_t size) noexcept {
  return static_cast<std::uint32_t>(size);
}

}  // namespace

inline void Writer::write(const char* bytes, std::size_t size) {
  if (size > short_ones_.size() - gathered_) {
    flush();
    if (size > short_ones_.size()) {
      append(bytes, size);
      return;
    }
  }
  std::memcpy(short_ones_.data() + gathered_, bytes, size);
  gathered_ += size;
}

void Writer::append(const char* bytes, std::size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes);
  out_.insert(out_.end(), begin, begin + size);
}

void Writer::flush() {
  out_.insert(out_.end(), short_ones_.begin(), short_ones_.begin() + static_cast<std::ptrdiff_t>(gathered_));
  gathered_ = 0;
}

Writer& Writer::array(std::size_t count) {
  to(*this).pack_array(u32(count));
  return *this;
}

Writer& Writer::map(std::size_t pairs) {
  to(*this).pack_map(u32(pairs));
  return *this;
}

Writer& Writer::nil() {
  to(*this).pack_nil();
  return *this;
}

Writer& Writer::boolean(bool value) {
  value ? to(*this).pack_true() : to(*this).pack_false();
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  to(*this).pack_int64(value);
  return *this;
}

Writer& Writer::uint(std::uint64_t value) {
  to(*this).pack_uint64(value);
  return *this;
}

Writer& Writer::str(std::string_view text) {
  to(*this).pack_str(u32(text.size()));
  write(text.data(), text.size());
  return *this;
}

Writer& Writer::credential(std::string_view text) {
  to(*this).pack_str(u32(text.size()));
  flush();
  append(text.data(), text.size());
  return *this;
}

Writer& Writer::bin_header(std::size_t size) {
  to(*this).pack_bin(u32(size));
  return *this;
}

}  // namespace tantalus::wire
