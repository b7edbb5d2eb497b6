// SPDX-License-Identifier: Apache-2.0
// refused: no viable conversion from .*Secret|conversion from .*Secret
#include <string_view>

#include "cache/secret.h"

std::size_t use(const tantalus::Secret& secret) {
#ifdef WRONG
  const std::string_view text = secret;
#else
  const std::span<const std::byte> text = secret.expose();
#endif
  return text.size();
}
