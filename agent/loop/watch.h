// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "agent/loop/loop.h"
#include "backends/io.h"

namespace tantalus {

/// A PathWatch over inotify(7). Fails with `overloaded` where the kernel gives no more of them, naming the limit.
[[nodiscard]] Result<std::unique_ptr<PathWatch>> make_path_watch(Loop& loop);

}  // namespace tantalus
