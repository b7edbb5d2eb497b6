// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/identity/identity.h"
#include "cache/grant.h"
#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus {

/// Who gets what (docs/protocol.md, the table), decided before anything is looked up: no cache, no backend, one text
/// for every refusal (promise 4). The only maker of Grant. No allocation where it allows. Immutable; built on each
/// reload.
class Policy {
 public:
  struct Sources {
    Source default_source;
    bool kubernetes;
    bool file;
    bool vault;
  };
  explicit Policy(Sources sources) noexcept : sources_(sources) {}

  /// `caller` null: unattested. Views in the grant are those of `reference` and of the caller's Domain.
  [[nodiscard]] Result<Grant> authorize(const Identity* caller, const Reference& reference) const;

  /// The grant of a catalog's place in one scope of this caller (its key is empty): for `list`.
  [[nodiscard]] Result<Grant> authorize_list(const Identity* caller, Source source, Scope scope) const;

  [[nodiscard]] bool is_enabled(Source source) const noexcept;
  [[nodiscard]] Source default_source() const noexcept { return sources_.default_source; }

 private:
  Sources sources_;
};

/// The one text of every refusal of an attested caller.
inline constexpr std::string_view permission_denied_text = "this identity may not use that scope or source";

}  // namespace tantalus
