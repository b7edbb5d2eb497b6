// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "client/cli/problem.h"
#include "client/src/locked.h"

namespace tantalus::cli {

/// A whole file, or standard input for `-`, into locked memory: it may hold values beside references. At most 16 MiB.
[[nodiscard]] Outcome<void> read_file(const std::string& path, client::LockedBuffer& out);

/// `out` of mode 0600 in the place of `path`: beside it first, then renamed, so that nobody sees a part.
[[nodiscard]] Outcome<void> replace_file(const std::string& path, std::span<const std::byte> bytes);

/// Whether what is written to `path` stays in memory: a tmpfs or a ramfs.
[[nodiscard]] Outcome<bool> is_in_memory(const std::string& path);

}  // namespace tantalus::cli
