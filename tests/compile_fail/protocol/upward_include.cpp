// SPDX-License-Identifier: Apache-2.0
// refused: cache/secret.h.*(file not found|No such file)
// What the lowest layer is compiled with shows it no other.
#include "protocol/error.h"
#ifdef WRONG
#include "cache/secret.h"
#endif

tantalus::Code use() {
  return tantalus::Code::internal;
}
