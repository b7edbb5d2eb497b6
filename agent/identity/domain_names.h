// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "protocol/error.h"

namespace tantalus {

/// Which names are domains, and the suffix of each one's store object (docs/configuration.md, "Identity"). A name is
/// used as it stands where `<store>-<name>` is an object name; any other needs an entry in `identity.objects`, which
/// says its object. No two names have one object, by construction: what is a value of `objects` is never itself a
/// domain, and no value is there twice. Nothing is rewritten (trap 122). Immutable.
class DomainNames {
 public:
  /// Fails with `misconfigured`, naming the key's path.
  [[nodiscard]] static Result<DomainNames> make(std::map<std::string, std::string> objects, std::string store);
  /// The object's suffix; the failure's message says why it is no domain, and is for operators: it can name others.
  [[nodiscard]] Result<std::string_view> object_of(std::string_view name) const;

 private:
  [[nodiscard]] bool fits(std::string_view object) const noexcept;
  std::map<std::string, std::string, std::less<>> objects_;
  std::map<std::string, std::string, std::less<>> names_by_object_;
  std::string store_;
};

}  // namespace tantalus
