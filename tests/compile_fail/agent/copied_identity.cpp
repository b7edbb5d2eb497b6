// SPDX-License-Identifier: Apache-2.0
// refused: call to deleted constructor of 'tantalus::Identity'
#include <utility>

#include "agent/identity/identity.h"

tantalus::Identity take_over(tantalus::Identity& attested) {
#ifdef WRONG
  return attested;
#else
  return std::move(attested);
#endif
}
