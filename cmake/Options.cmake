# SPDX-License-Identifier: Apache-2.0
# What every target of ours is compiled with: warnings are errors.
add_library(tantalus_options INTERFACE)
target_compile_options(tantalus_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough -Werror
  -fno-omit-frame-pointer -fstack-protector-strong -ftrivial-auto-var-init=zero)
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_options(tantalus_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(tantalus_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)

find_program(TANTALUS_LLD NAMES ld.lld-19 ld.lld)
if(TANTALUS_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()

if(TANTALUS_SANITIZE STREQUAL "address")
  set(TANTALUS_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(TANTALUS_SANITIZE STREQUAL "thread")
  set(TANTALUS_SANITIZE_FLAGS -fsanitize=thread)
elseif(TANTALUS_SANITIZE)
  message(FATAL_ERROR "TANTALUS_SANITIZE is address, thread or empty, not ${TANTALUS_SANITIZE}")
endif()
if(TANTALUS_FUZZ)
  list(APPEND TANTALUS_SANITIZE_FLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
endif()
if(TANTALUS_SANITIZE_FLAGS)
  add_compile_options(${TANTALUS_SANITIZE_FLAGS})
  add_link_options(${TANTALUS_SANITIZE_FLAGS})
endif()
