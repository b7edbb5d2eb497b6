// SPDX-License-Identifier: Apache-2.0
#pragma once

// Its stack adds to a null pointer before it first grows, which the sanitizer of CI rightly calls undefined.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
#include <rapidjson/writer.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif

#include <cstddef>
#include <string_view>

#include "client/src/locked.h"
#include "protocol/error.h"

namespace tantalus::cli {

/// RapidJSON's output stream over locked memory: what is written may hold values.
class LockedStream {
 public:
  using Ch = char;
  explicit LockedStream(client::LockedBuffer& buffer) noexcept : buffer_(&buffer) {}
  void Put(char character) {
    const auto byte = static_cast<std::byte>(character);
    check(buffer_->append({&byte, 1}), "no memory for output");
  }
  void Flush() noexcept {}

 private:
  client::LockedBuffer* buffer_;
};

class JsonWriter : public rapidjson::Writer<LockedStream> {
 public:
  using rapidjson::Writer<LockedStream>::Writer;
  void text(std::string_view value) { String(value.data(), static_cast<rapidjson::SizeType>(value.size())); }
  void name(std::string_view value) { Key(value.data(), static_cast<rapidjson::SizeType>(value.size())); }
};

}  // namespace tantalus::cli
