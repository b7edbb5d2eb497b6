// SPDX-License-Identifier: Apache-2.0
// refused: ignoring return(ed)? value of
#include "protocol/error.h"

tantalus::Result<void> may_fail();

bool use() {
#ifdef WRONG
  may_fail();
  return true;
#else
  return may_fail().has_value();
#endif
}
