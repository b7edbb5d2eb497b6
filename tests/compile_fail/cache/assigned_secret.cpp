// SPDX-License-Identifier: Apache-2.0
// refused: selected deleted operator|use of deleted function .*Secret
#include <utility>

#include "cache/secret.h"

void use(const tantalus::Secret& secret, tantalus::Secret& other) {
#ifdef WRONG
  other = secret;
#else
  other = secret.share();
#endif
}
