// SPDX-License-Identifier: Apache-2.0
// refused: calling a private constructor of class .*Secret|is private within this context
#include <utility>

#include "cache/secret.h"

std::size_t use(tantalus::SecretWriter writer) {
#ifdef WRONG
  const tantalus::Secret secret(nullptr);
  static_cast<void>(writer);
#else
  const tantalus::Secret secret = std::move(writer).freeze();
#endif
  return secret.size();
}
