// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/observe/http.h"
#include "agent/observe/inspect.h"

namespace tantalus {

/// The answer to an operator's request: one table of paths and methods. Ends at once.
[[nodiscard]] HttpResponse answer_operator(const HttpRequest& request, Inspect& inspect, const Operator& who);

}  // namespace tantalus
