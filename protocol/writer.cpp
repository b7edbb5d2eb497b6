// SPDX-License-Identifier: Apache-2.0
#include "protocol/writer.h"

#include <msgpack.hpp>

namespace tantalus::wire {
namespace {

/// What msgpack::packer asks of a stream.
struct Stream {
  std::vector<std::byte>& out;

  void write(const char* bytes, std::size_t size) {
    const auto* begin = reinterpret_cast<const std::byte*>(bytes);
    out.insert(out.end(), begin, begin + size);
  }
};

template <class Pack>
void append(std::vector<std::byte>& out, Pack pack) {
  Stream stream{out};
  msgpack::packer<Stream> packer(stream);
  pack(packer);
}

}  // namespace

Writer& Writer::array(std::size_t count) {
  append(out_, [count](auto& packer) { packer.pack_array(static_cast<std::uint32_t>(count)); });
  return *this;
}

Writer& Writer::map(std::size_t pairs) {
  append(out_, [pairs](auto& packer) { packer.pack_map(static_cast<std::uint32_t>(pairs)); });
  return *this;
}

Writer& Writer::nil() {
  append(out_, [](auto& packer) { packer.pack_nil(); });
  return *this;
}

Writer& Writer::boolean(bool value) {
  append(out_, [value](auto& packer) { value ? packer.pack_true() : packer.pack_false(); });
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  append(out_, [value](auto& packer) { packer.pack_int64(value); });
  return *this;
}

Writer& Writer::uint(std::uint64_t value) {
  append(out_, [value](auto& packer) { packer.pack_uint64(value); });
  return *this;
}

Writer& Writer::str(std::string_view text) {
  append(out_, [text](auto& packer) {
    const auto size = static_cast<std::uint32_t>(text.size());
    packer.pack_str(size);
    packer.pack_str_body(text.data(), size);
  });
  return *this;
}

Writer& Writer::bin_header(std::size_t size) {
  append(out_, [size](auto& packer) { packer.pack_bin(static_cast<std::uint32_t>(size)); });
  return *this;
}

}  // namespace tantalus::wire
