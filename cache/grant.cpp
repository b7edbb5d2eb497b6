// SPDX-License-Identifier: Apache-2.0
#include "cache/grant.h"

#include <sys/random.h>

#include "cache/keyed_hash.h"
#include "protocol/error.h"

namespace tantalus {
namespace {

/// Drawn once and never changed: a constant of this process, not state.
const KeyedHash::Key& process_key() noexcept {
  static const KeyedHash::Key key = [] {
    KeyedHash::Key drawn{};
    check(::getrandom(&drawn, sizeof drawn, 0) == sizeof drawn, "the kernel gives no random numbers");
    drawn.step |= 1;
    return drawn;
  }();
  return key;
}

}  // namespace

StoredGrant::StoredGrant(const Grant& grant)
    : domain_(grant.domain),
      source_(grant.source),
      scope_(grant.scope),
      integration_(grant.integration),
      version_(grant.version),
      object_(grant.object),
      key_(grant.key),
      field_(grant.field) {}

Grant StoredGrant::view() const noexcept {
  return {domain_, source_, scope_, integration_, version_, object_, key_, field_};
}

std::size_t place_hash(Source source, IntegrationId integration, std::string_view object,
                       std::string_view key) noexcept {
  KeyedHash hash(process_key(), 0);
  hash.add(static_cast<std::uint64_t>(source) << 32 | static_cast<std::uint64_t>(integration));
  hash.add(object);
  hash.add(key);
  return hash.value();
}

std::size_t grant_hash(const Grant& grant, std::size_t place) noexcept {
  KeyedHash hash(process_key(), place);
  hash.add(static_cast<std::uint64_t>(grant.domain) << 32 | grant.version);
  hash.add(static_cast<std::uint64_t>(grant.scope));
  hash.add(grant.field);
  return hash.value();
}

}  // namespace tantalus
