// SPDX-License-Identifier: Apache-2.0
#include "agent/server/work.h"

namespace tantalus {

WorkItem::WorkItem(const Reference& reference, Source from)
    : key(reference.key),
      id(reference.id),
      field(reference.field),
      source(from),
      scope(reference.scope),
      version(reference.version) {}

Reference WorkItem::reference() const noexcept {
  return {key, source, scope, id, field, version};
}

void Work::abandon() noexcept {
  connection = nullptr;
  list_cancel.cancel();
  for (WorkItem& item : items) {
    item.cancel.cancel();
  }
}

}  // namespace tantalus
