// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/glob.h"

#include <cstddef>

namespace tantalus {

bool matches_glob(std::string_view pattern, std::string_view text) noexcept {
  std::size_t at_pattern = 0;
  std::size_t at_text = 0;
  std::size_t star = std::string_view::npos;  // The last `*` passed, which takes more of the text when the rest fails.
  std::size_t after_star = 0;
  while (at_text < text.size()) {
    if (at_pattern < pattern.size() && pattern[at_pattern] == '*') {
      star = at_pattern++;
      after_star = at_text;
    } else if (at_pattern < pattern.size() && pattern[at_pattern] == text[at_text]) {
      ++at_pattern;
      ++at_text;
    } else if (star != std::string_view::npos) {
      at_pattern = star + 1;
      at_text = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at_pattern) == std::string_view::npos;
}

}  // namespace tantalus
