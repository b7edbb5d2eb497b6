// SPDX-License-Identifier: Apache-2.0
#include "backends/backend.h"

namespace tantalus {

std::string_view to_text(Health health) noexcept {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::degraded:
      return "degraded";
    case Health::down:
      return "down";
  }
  abort_because("a health that has no name");
}

}  // namespace tantalus
