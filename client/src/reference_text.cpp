// SPDX-License-Identifier: Apache-2.0
#include "client/src/reference_text.h"

#include "protocol/limits.h"

namespace tantalus::client {

Result<ReferenceText> read_reference(std::string_view text) {
  if (text.starts_with("tantalus:")) {
    return reference_from_uri(text);
  }
  ReferenceText reference;
  reference.key = text;
  // The default source is the agent's to know. Of all sources Vault's keys are the widest, and the agent judges the
  // rest.
  if (Result<void> valid = validate(reference.view(), Source::vault); !valid) {
    return std::unexpected(std::move(valid.error()));
  }
  return reference;
}

Failure amend(ReferenceText& reference, const Amendments& amendments) {
  if (amendments.source != nullptr) {
    reference.source = source_from_text(amendments.source);
    if (!reference.source) {
      return {TANTALUS_INVALID_REQUEST, 0, "source must be kubernetes, vault or file"};
    }
  }
  if (amendments.scope != nullptr) {
    const std::optional<Scope> scope = scope_from_text(amendments.scope);
    if (!scope) {
      return {TANTALUS_INVALID_REQUEST, 0, "scope must be domain, global or admin"};
    }
    reference.scope = *scope;
  }
  if (amendments.id != nullptr) {
    reference.id = amendments.id;
  }
  if (amendments.field != nullptr) {
    reference.field = amendments.field;
  }
  if (amendments.version != 0) {
    reference.version = amendments.version;
  }
  if (reference.source) {
    if (const Result<void> valid = validate(reference.view(), *reference.source); !valid) {
      return to_failure(valid.error());
    }
  }
  return {};
}

}  // namespace tantalus::client
