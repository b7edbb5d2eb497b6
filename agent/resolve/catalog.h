// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/policy/policy.h"
#include "agent/resolve/resolver.h"

namespace tantalus {

/// One store object that a caller may list.
struct CatalogPlace {
  Source source;
  Scope scope;
  DomainId domain;
  std::string object;
  friend bool operator==(const CatalogPlace&, const CatalogPlace&) = default;
};

/// One line of an answer to `list`: an entry, or the place that could not be listed and why.
struct CatalogRow {
  Source source;
  Scope scope;
  CatalogEntry entry;
  std::optional<Error> error;
};

/// What a caller may list, decided before anything is asked: the places, or the refusal. Filters unset: everything.
[[nodiscard]] Result<std::vector<CatalogPlace>> catalog_places(const Policy& policy, const Identity* caller,
                                                               std::optional<Scope> scope,
                                                               std::optional<Source> source);

/// Asks the backends of these places, without reading a value. Fails only if nothing could be listed. `resolver` and
/// `cancel` outlive the task.
[[nodiscard]] Task<Result<std::vector<CatalogRow>>> list_catalog(Resolver& resolver, std::vector<CatalogPlace> places,
                                                                 Instant deadline, Cancel& cancel);

}  // namespace tantalus
