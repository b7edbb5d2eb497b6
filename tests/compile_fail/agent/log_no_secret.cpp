// SPDX-License-Identifier: Apache-2.0
// refused: no matching constructor for initialization of .*LogField
#include "agent/log/log.h"
#include "cache/secret.h"

void log_it(tantalus::Log& log, const tantalus::Secret& secret) {
#ifdef WRONG
  const tantalus::LogField field("value", secret);
#else
  const tantalus::LogField field("value", secret.size());
#endif
  log.info("read", {field});
}
