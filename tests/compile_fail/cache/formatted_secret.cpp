// SPDX-License-Identifier: Apache-2.0
// refused: fallback_formatter|type_is_unformattable|[Cc]annot format an argument
#include <fmt/format.h>

#include <string>

#include "cache/secret.h"

std::string use(const tantalus::Secret& secret) {
#ifdef WRONG
  return fmt::format("{}", secret);
#else
  return fmt::format("{}", secret.size());
#endif
}
