// SPDX-License-Identifier: Apache-2.0
// refused: copy assignment operator is implicitly deleted|use of deleted function .*Grant
#include "cache/grant.h"

std::size_t use(tantalus::Grant& grant, const tantalus::Grant& other) {
#ifdef WRONG
  grant = other;
#else
  static_cast<void>(grant == other);
#endif
  return grant.key.size();
}
