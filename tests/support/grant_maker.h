// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cache/grant.h"

namespace tantalus {

/// Only a Policy makes grants, and the real one asks for an attested caller. Tests of what lies below it need grants of
/// any shape, so this header plays the Policy for them. An executable that links agent/policy must not include it:
/// there would be two classes of that name.
class Policy {
 public:
  struct Fields {
    DomainId domain = DomainId::first;
    Source source = Source::kubernetes;
    Scope scope = Scope::domain;
    IntegrationId integration = IntegrationId::none;
    std::uint32_t version = 0;
    std::string_view object = "finance";
    std::string_view key = "db-password";
    std::string_view field = {};
  };

  [[nodiscard]] static Grant grant(const Fields& fields) {
    return {fields.domain,  fields.source, fields.scope, fields.integration,
            fields.version, fields.object, fields.key,   fields.field};
  }
};

}  // namespace tantalus
