// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "agent/observe/inspect.h"

namespace tantalus {

/// Which part of a long list is wanted.
struct PageRequest {
  static constexpr std::size_t most = 1000;
  std::size_t limit = 100;
  std::string after;  ///< The place of the last item of the page before; empty: from the beginning.
};

/// One page of the cache's entries as JSON: `{"items": […], "next": "…" or null}`. Entries come in the order of what
/// they are of, so that one that stays from the first page to the last is listed once, whatever comes and goes
/// meanwhile.
[[nodiscard]] std::string cache_page(const Inspect& inspect, const CacheFilter& filter, const PageRequest& page);

}  // namespace tantalus
