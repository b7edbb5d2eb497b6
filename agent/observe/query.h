// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.h"

namespace tantalus {

struct QueryParameter {
  std::string name;
  std::string value;
};

/// A request's target: its path as it stands, and its query, decoded.
struct Target {
  std::string path;
  std::vector<QueryParameter> parameters;

  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
};

/// Takes origin-form and absolute-form (RFC 9112, 3.2). Refuses a bad escape, a name given twice, more than a few
/// parameters; the message names the parameter.
[[nodiscard]] Result<Target> parse_target(std::string_view target);

/// Bytes as lower-case hex, and back; unset where it is none.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] Result<std::string> from_hex(std::string_view text);

}  // namespace tantalus
