// SPDX-License-Identifier: Apache-2.0
// refused: invalid operands to binary expression|no match for .operator<<
#include <ostream>

#include "cache/secret.h"

void use(const tantalus::Secret& secret, std::ostream& out) {
#ifdef WRONG
  out << secret;
#else
  out << secret.size();
#endif
}
