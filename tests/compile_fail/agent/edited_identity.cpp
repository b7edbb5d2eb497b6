// SPDX-License-Identifier: Apache-2.0
// refused: cannot assign to return value because function 'facts' returns a const value
#include "agent/identity/identity.h"

unsigned become_root(const tantalus::Identity& attested) {
#ifdef WRONG
  attested.facts().uid = 0;
#endif
  return attested.facts().uid;
}
