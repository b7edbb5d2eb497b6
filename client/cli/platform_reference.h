// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "protocol/error.h"
#include "protocol/reference.h"

namespace tantalus::cli {

/// The platform's own forms: `{"key": "…", "source": {"type": "KUBERNETES" | "VAULT", "id": "…"}}` and the legacy
/// `${secrets.KEY}` (global scope, Kubernetes). Unset: the text is neither. A failure: it is one, and wrong.
[[nodiscard]] std::optional<Result<ReferenceText>> find_platform_reference(std::string_view text);

}  // namespace tantalus::cli
