# SPDX-License-Identifier: Apache-2.0
# A compiler that destroys coroutine temporaries twice would corrupt a daemon that holds secrets, so it is asked first
# (docs/decisions/0008-compilers.md).
if(NOT DEFINED TANTALUS_COROUTINES_RIGHT)
  try_run(TANTALUS_COROUTINES_RIGHT TANTALUS_COROUTINES_COMPILE
    "${CMAKE_BINARY_DIR}/coroutine_cases" "${CMAKE_SOURCE_DIR}/cmake/coroutine_cases.cpp"
    CMAKE_FLAGS "-DCMAKE_CXX_STANDARD=23" "-DCMAKE_CXX_STANDARD_REQUIRED=ON"
    RUN_OUTPUT_VARIABLE cases)
  if(NOT TANTALUS_COROUTINES_COMPILE OR NOT TANTALUS_COROUTINES_RIGHT STREQUAL "0")
    unset(TANTALUS_COROUTINES_RIGHT CACHE)
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} (${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}) gets coroutines "
      "wrong:\n${cases}\nUse clang 19: CC=clang-19 CXX=clang++-19, or a preset (cmake --list-presets).")
  endif()
endif()
