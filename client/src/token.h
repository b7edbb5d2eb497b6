// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "client/src/failure.h"
#include "client/src/locked.h"

namespace tantalus::client {

/// A projected service-account token, into locked memory; white space around it is left out.
[[nodiscard]] Failure read_token(const std::string& path, LockedBuffer& token);

}  // namespace tantalus::client
