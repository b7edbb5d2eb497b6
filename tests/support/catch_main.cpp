// SPDX-License-Identifier: Apache-2.0
// Catch2 v2's main; v3 brings its own.
#if __has_include(<catch2/catch_test_macros.hpp>)
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
