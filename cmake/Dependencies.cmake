# SPDX-License-Identifier: Apache-2.0
# Each library is linked by the one layer that includes it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(spdlog REQUIRED)
find_package(RapidJSON QUIET)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(libfyaml REQUIRED IMPORTED_TARGET libfyaml)
pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp)
find_package(Llhttp REQUIRED)

# msgpack-c is headers alone; its CMake package has another name on every distribution, so it is found by path.
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
add_library(tantalus_msgpack INTERFACE)
target_include_directories(tantalus_msgpack SYSTEM INTERFACE "${MSGPACK_INCLUDE_DIR}")
target_compile_definitions(tantalus_msgpack INTERFACE MSGPACK_NO_BOOST)

find_path(RAPIDJSON_INCLUDE_DIR rapidjson/reader.h REQUIRED)
add_library(tantalus_rapidjson INTERFACE)
target_include_directories(tantalus_rapidjson SYSTEM INTERFACE "${RAPIDJSON_INCLUDE_DIR}")
target_compile_definitions(tantalus_rapidjson INTERFACE RAPIDJSON_SSE2)
