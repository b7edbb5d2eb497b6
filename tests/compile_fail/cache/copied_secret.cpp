// SPDX-License-Identifier: Apache-2.0
// refused: call to deleted constructor of .*Secret|use of deleted function .*Secret
#include "cache/secret.h"

void use(const tantalus::Secret& secret) {
#ifdef WRONG
  const tantalus::Secret copy = secret;
#else
  const tantalus::Secret copy = secret.share();
#endif
  static_cast<void>(copy.size());
}
