// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <random>

namespace tantalus {

/// The seed of a test that draws at random: another one each time, so that the tests see more with every run, unless
/// TANTALUS_TEST_SEED names it. Whoever draws prints it with `INFO("TANTALUS_TEST_SEED=" << seed)`.
inline unsigned long test_seed() {
  const char* const named = std::getenv("TANTALUS_TEST_SEED");
  return named != nullptr ? std::strtoul(named, nullptr, 10) : std::random_device{}();
}

}  // namespace tantalus
