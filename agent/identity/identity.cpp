// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/identity.h"

namespace tantalus {

std::string_view to_text(AttestorKind kind) noexcept {
  switch (kind) {
    case AttestorKind::pod:
      return "pod";
    case AttestorKind::token:
      return "token";
    case AttestorKind::unit:
      return "unit";
    case AttestorKind::user:
      return "user";
  }
  abort_because("an attestor kind out of its range");
}

}  // namespace tantalus
