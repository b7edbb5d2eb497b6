// SPDX-License-Identifier: Apache-2.0
// refused: no matching constructor for initialization of .*StoredGrant|no matching function for call to .*StoredGrant
#include "cache/grant.h"

tantalus::StoredGrant use(const tantalus::Grant& grant) {
#ifdef WRONG
  tantalus::StoredGrant stored;
  static_cast<void>(grant);
#else
  tantalus::StoredGrant stored(grant);
#endif
  return stored;
}
