// SPDX-License-Identifier: Apache-2.0
// refused: no matching constructor for initialization of .*LogField
#include <cstddef>
#include <span>

#include "agent/log/log.h"

void log_it(tantalus::Log& log, std::span<const std::byte> bytes) {
#ifdef WRONG
  const tantalus::LogField field("value", bytes);
#else
  const tantalus::LogField field("value", bytes.size());
#endif
  log.info("read", {field});
}
