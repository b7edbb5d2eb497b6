// SPDX-License-Identifier: Apache-2.0
#include "agent/resolve/catalog.h"

#include <array>
#include <utility>

namespace tantalus {

Result<std::vector<CatalogPlace>> catalog_places(const Policy& policy, const Identity* caller,
                                                 std::optional<Scope> scope, std::optional<Source> source) {
  constexpr std::array sources{Source::kubernetes, Source::vault, Source::file};
  constexpr std::array scopes{Scope::domain, Scope::global, Scope::admin};
  std::vector<CatalogPlace> places;
  std::optional<Error> refusal;
  for (const Source from : sources) {
    if (source.has_value() ? *source != from : !policy.is_enabled(from)) {
      continue;
    }
    for (const Scope within : scopes) {
      if (scope.has_value() && *scope != within) {
        continue;
      }
      const Result<Grant> grant = policy.authorize_list(caller, from, within);
      if (grant.has_value()) {
        places.push_back({from, within, grant->domain, std::string(grant->object)});
      } else if (!refusal.has_value() || grant.error().code != Code::invalid_request) {
        refusal = grant.error();
      }
    }
  }
  if (places.empty()) {
    return std::unexpected(
        refusal.value_or(Error{Code::misconfigured, "no source is enabled on this node", Millis{0}}));
  }
  return places;
}

Task<Result<std::vector<CatalogRow>>> list_catalog(Resolver& resolver, std::vector<CatalogPlace> places,
                                                   Instant deadline, Cancel& cancel) {
  const Resolver::Use use(resolver);
  std::vector<CatalogRow> rows;
  std::optional<Error> first_failure;
  bool any = false;
  for (CatalogPlace& place : places) {
    Backend* backend = resolver.backend(place.source);
    if (backend == nullptr) {
      continue;
    }
    auto listing = backend->list(place.domain, std::move(place.object), deadline, cancel);
    Result<std::vector<CatalogEntry>> entries = co_await listing;
    if (entries.has_value()) {
      any = true;
      for (CatalogEntry& entry : *entries) {
        rows.push_back({place.source, place.scope, std::move(entry), std::nullopt});
      }
    } else {
      if (!first_failure.has_value()) {
        first_failure = entries.error();
      }
      rows.push_back({place.source, place.scope, {}, entries.error()});
    }
  }
  if (!any && first_failure.has_value()) {
    co_return std::unexpected(*first_failure);
  }
  co_return std::move(rows);
}

}  // namespace tantalus
