// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/policy.h"

#include <optional>

namespace tantalus {
namespace {

std::unexpected<Error> unattested() {
  return fail(Code::unauthenticated, "the caller could not be attested");
}

std::unexpected<Error> denied() {
  return fail(Code::permission_denied, std::string(permission_denied_text));
}

/// A store: whose it is and its object's suffix.
struct Place {
  DomainId domain;
  std::string_view object;
};

/// The table of docs/protocol.md, "Who gets what", for the attested. Unset: permission_denied.
std::optional<Place> place_of(const Identity& caller, Scope scope) noexcept {
  switch (scope) {
    case Scope::domain:
      if (const Domain* domain = caller.domain()) {
        return Place{domain->id, domain->object};
      }
      return std::nullopt;
    case Scope::global:
      if (caller.domain() != nullptr || caller.is_admin()) {
        return Place{DomainId::global, {}};
      }
      return std::nullopt;
    case Scope::admin:
      if (caller.is_admin()) {
        return Place{DomainId::admin, "admin"};
      }
      return std::nullopt;
  }
  abort_because("a scope out of its range");
}

/// Elsewhere than in Vault, `id` repeats the caller's own domain; another's must not read one's own by accident.
bool names_another_domain(const Identity& caller, const Reference& reference, Source source) noexcept {
  return source != Source::vault && !reference.id.empty() &&
         (caller.domain() == nullptr || reference.id != caller.domain()->name);
}

std::unexpected<Error> not_set_up(Source source) {
  return fail(Code::misconfigured, "the source " + std::string(to_text(source)) + " is not enabled on this agent");
}

/// No domain has integrations: the agent refuses a configuration that gives it any.
std::unexpected<Error> no_integration() {
  return fail(Code::misconfigured, "this domain has no Vault integration");
}

}  // namespace

bool Policy::is_enabled(Source source) const noexcept {
  switch (source) {
    case Source::kubernetes:
      return sources_.kubernetes;
    case Source::vault:
      return sources_.vault;
    case Source::file:
      return sources_.file;
  }
  abort_because("a source out of its range");
}

Result<Grant> Policy::authorize(const Identity* caller, const Reference& reference) const {
  if (caller == nullptr) {
    return unattested();
  }
  const Source source = reference.source.value_or(sources_.default_source);
  if (const Result<void> valid = validate(reference, source); !valid) {
    return std::unexpected(valid.error());
  }
  const std::optional<Place> place = place_of(*caller, reference.scope);
  if (!place || names_another_domain(*caller, reference, source)) {
    return denied();
  }
  if (!is_enabled(source)) {
    return not_set_up(source);
  }
  if (source == Source::vault) {
    return no_integration();
  }
  return Grant(place->domain, source, reference.scope, IntegrationId::none, reference.version, place->object,
               reference.key, reference.field);
}

Result<Grant> Policy::authorize_list(const Identity* caller, Source source, Scope scope) const {
  if (caller == nullptr) {
    return unattested();
  }
  if (source == Source::vault && scope != Scope::domain) {
    return fail(Code::invalid_request, "the source vault has the scope domain alone");
  }
  const std::optional<Place> place = place_of(*caller, scope);
  if (!place) {
    return denied();
  }
  if (!is_enabled(source)) {
    return not_set_up(source);
  }
  if (source == Source::vault) {
    return no_integration();
  }
  return Grant(place->domain, source, scope, IntegrationId::none, 0, place->object, {}, {});
}

}  // namespace tantalus
