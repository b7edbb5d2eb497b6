// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "client/src/failure.h"
#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus::client {

/// A reference as programs and people write it: a URI, or a bare key of the default source.
[[nodiscard]] Result<ReferenceText> read_reference(std::string_view text);

/// What the short form says beside its key, as text; null or 0: not said.
struct Amendments {
  const char* source = nullptr;
  const char* scope = nullptr;
  const char* id = nullptr;
  const char* field = nullptr;
  std::uint32_t version = 0;
};
[[nodiscard]] Failure amend(ReferenceText& reference, const Amendments& amendments);

}  // namespace tantalus::client
