// SPDX-License-Identifier: Apache-2.0
// refused: calling a private constructor of class .*Grant|is private within this context
#include "cache/grant.h"

std::size_t use(const tantalus::Grant& given) {
#ifdef WRONG
  const tantalus::Grant grant(tantalus::DomainId::first, given.source, given.scope, given.integration, given.version,
                              given.object, given.key, given.field);
#else
  const tantalus::Grant& grant = given;
#endif
  return grant.key.size();
}
