// SPDX-License-Identifier: Apache-2.0
// refused: calling a private constructor of class 'tantalus::Identity'
#include <utility>

#include "agent/identity/identity.h"

tantalus::Identity take_over(tantalus::Identity attested) {
#ifdef WRONG
  tantalus::Identity forged;
  return forged;
#else
  return std::move(attested);
#endif
}
