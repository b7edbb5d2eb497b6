// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "backends/async/cancel.h"
#include "backends/async/task.h"
#include "backends/file/directory.h"
#include "backends/file/manifest.h"
#include "backends/io.h"
#include "cache/arena.h"

namespace tantalus {

/// How much is done before the others on the loop have their turn.
struct Slice {
  std::size_t bytes = std::size_t{128} << 10U;
  std::size_t events = 512;
  std::size_t names = 64;
};

/// What a file gave: manifests, or why not.
struct LoadedFile {
  FileStamp stamp;         ///< Of the state that was read.
  bool gone = false;       ///< There is no such file any more.
  bool unsettled = false;  ///< Somebody wrote meanwhile, or `cancel` fired: nothing is known.
  std::optional<Manifests> manifests;
  std::string refusal;   ///< Without manifests: `line:column: why`, in our own words.
  bool no_room = false;  ///< It was refused for want of locked memory.
};

/// Reads and parses one file in slices, its bytes and values in locked memory alone. What begins with `{` or `[` is
/// JSON (and YAML's flow style unless the name says .json), all else YAML. What is passed by reference outlives the
/// task.
[[nodiscard]] Task<LoadedFile> load_manifests(Io& io, Arena& arena, std::string path, std::string store, Slice slice,
                                              Cancel& cancel);

}  // namespace tantalus
