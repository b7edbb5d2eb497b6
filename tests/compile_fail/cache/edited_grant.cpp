// SPDX-License-Identifier: Apache-2.0
// refused: cannot assign to non-static data member .domain. with const-qualified type|assignment of read-only member
#include "cache/grant.h"

std::size_t use(tantalus::Grant& grant) {
#ifdef WRONG
  grant.domain = tantalus::DomainId::admin;
#endif
  return grant.key.size();
}
