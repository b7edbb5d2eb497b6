// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tantalus::wire {

/// Appends items to a buffer with msgpack-c, the only file that does. It gathers the short ones and appends them
/// together, at the latest when it ends, and allocates nothing but the buffer's growth.
class Writer {
 public:
  explicit Writer(std::vector<std::byte>& out) noexcept : out_(out) {}
  ~Writer() { flush(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& array(std::size_t count);
  Writer& map(std::size_t pairs);
  Writer& nil();
  Writer& boolean(bool value);
  Writer& integer(std::int64_t value);
  Writer& uint(std::uint64_t value);
  Writer& str(std::string_view text);
  /// A credential goes straight to the buffer, whose owner wipes it, and never through this object.
  Writer& credential(std::string_view text);
  /// The header alone: the bytes follow from elsewhere.
  Writer& bin_header(std::size_t size);

  /// A map's pairs.
  Writer& pair(std::string_view name, std::string_view value) { return str(name).str(value); }
  /// nil where `value` is empty.
  Writer& pair_or_nil(std::string_view name, std::string_view value) {
    str(name);
    return value.empty() ? nil() : str(value);
  }

  void write(const char* bytes, std::size_t size);  ///< What msgpack::packer asks of a stream.

 private:
  void append(const char* bytes, std::size_t size);
  void flush();

  std::vector<std::byte>& out_;
  std::size_t gathered_ = 0;
  std::array<std::byte, 256> short_ones_;
};

}  // namespace tantalus::wire
