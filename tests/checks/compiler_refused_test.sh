#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A compiler that gets coroutines wrong stops the configure and is told why; one that gets them right does not.
#
#   compiler_refused_test.sh SOURCE-FOLDER GOOD-COMPILER
set -euo pipefail

source=$1
good=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A project around the probe alone: the rest of the configure is not what this is about.
mkdir "$dir/source"
cp -r "$source/cmake" "$dir/source/cmake"
cat >"$dir/source/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(probe LANGUAGES CXX)
list(APPEND CMAKE_MODULE_PATH "${CMAKE_SOURCE_DIR}/cmake")
set(CMAKE_CXX_STANDARD 23)
include(Compiler)
CMAKE

configure() { cmake -G Ninja -S "$dir/source" -B "$dir/$1" -DCMAKE_CXX_COMPILER="$2" >"$dir/log" 2>&1; }

if ! configure good "$good"; then
  cat "$dir/log"
  echo "compiler_refused: $good was refused"
  exit 1
fi

# The probe itself, made to find a fault, stands for a compiler that has one.
sed -i 's/return wrong != 0;/return 1;/' "$dir/source/cmake/coroutine_cases.cpp"
if configure planted "$good" || ! grep -q 'gets coroutines' "$dir/log"; then
  cat "$dir/log"
  echo 'compiler_refused: a failing probe did not stop the configure'
  exit 1
fi
cp "$source/cmake/coroutine_cases.cpp" "$dir/source/cmake/coroutine_cases.cpp"

# GCC 12, which Debian 12 has, is one.
if command -v g++-12 >/dev/null; then
  if configure gcc g++-12 || ! grep -q 'Use clang 19' "$dir/log"; then
    cat "$dir/log"
    echo 'compiler_refused: g++ 12 was not refused'
    exit 1
  fi
fi
echo 'compiler_refused: as it should be'
