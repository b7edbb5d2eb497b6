#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a small tree that scripts/check and scripts/trace are content with, then plants one fault after the other, and
# insists that it is found, by the right check, with its place.
#
#   planted_faults_test.sh SOURCE-FOLDER
# shellcheck disable=SC2016  # Backquotes and $1 are text to plant.
set -euo pipefail

source=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

mkdir -p "$dir"/{agent/server,protocol,cache,docs,tests/unit,client/cli}
cp -r "$source/scripts" "$dir/scripts"
cp "$source/.clang-format" "$dir"
cd "$dir"

spdx='// SPDX-License-Identifier: Apache-2.0'
printf '%s\n#include "protocol/clean.h"\n\nint clean();\n' "$spdx" >protocol/clean.cpp
printf '%s\n#pragma once\n\nint clean();\n' "$spdx" >protocol/clean.h
printf '%s\n// [promise-1] [trap-2]\nint test();\n' "$spdx" >tests/unit/clean_test.cpp
printf '| 1 | promised | proved |\n| 3 | promised | later |\n' >docs/security.md
printf '| 2 | trap | protocol/clean.cpp |\n| 4 | trap | later: Vault |\n' >docs/traps.md
printf 'See `protocol/clean.{h,cpp}` and [security](security.md).\n' >docs/guide.md
git init -q .
git add -A

failures=0

# A tree without a fault must pass, else finding one says nothing.
if ! said=$(scripts/check format bans includes docs shell trace 2>&1); then
  printf '%s\nplanted_faults: the clean tree does not pass\n' "$said"
  exit 1
fi

# plant CHECK EXPECTED PATH CONTENT: the check must fail and say EXPECTED.
plant() {
  local check=$1 expected=$2 path=$3 content=$4 said status=0
  local kept=''
  [ ! -e "$path" ] || kept=$(cat "$path")
  mkdir -p "$(dirname "$path")"
  printf '%b\n' "$content" >"$path"
  git add -A
  said=$(scripts/check "$check" 2>&1) || status=$?
  if [ "$status" -ne 1 ] || ! grep -qF -- "$expected" <<<"$said"; then
    printf '%s\nplanted_faults: %s did not find %s in %s (exit %s)\n' "$said" "$check" "$expected" "$path" "$status"
    failures=$((failures + 1))
  fi
  if [ -n "$kept" ]; then printf '%s\n' "$kept" >"$path"; else rm "$path"; fi
  git add -A
}

todo=TO'DO'
plant format agent/server/x.cpp agent/server/x.cpp "$spdx\nint   x(  );"
plant bans "agent/server/x.cpp:2" agent/server/x.cpp "$spdx\n// $todo: later"
plant bans agent/server/server_util.h agent/server/server_util.h "$spdx\n#pragma once"
plant bans "agent/server/x.h:3" agent/server/x.h "$spdx\n#pragma once\nusing namespace std;"
plant bans "agent/server/x.cpp:2" agent/server/x.cpp "$spdx\nvoid x(char* a, const char* b) { strcpy(a, b); }"
plant bans "agent/server/x.cpp:2" agent/server/x.cpp "$spdx\nvoid x() { throw 1; }"
plant bans "cache/x.cpp:2" cache/x.cpp "$spdx\nauto x() { return std::chrono::steady_clock::now(); }"
plant bans "cache/x.cpp:2" cache/x.cpp "$spdx\nvoid x() { std::printf(\"value\"); }"
plant bans agent/server/x.cpp agent/server/x.cpp "int x();"
plant includes "agent/server/x.cpp:2" agent/server/x.cpp "$spdx\n#include <curl/curl.h>"
plant includes "agent/server/x.cpp:2" agent/server/x.cpp "$spdx\n#include <msgpack.hpp>"
plant docs "protocol/gone.cpp does not exist" docs/guide.md 'See `protocol/gone.cpp`.'
plant docs "the link gone.md leads nowhere" docs/guide.md 'See [that](gone.md).'
plant docs "agent/gone.cpp does not exist" docs/traps.md '| 2 | trap | agent/gone.cpp |'
plant shell "scripts/x" scripts/x '#!/bin/bash\nrm $1'
plant trace "promise-5" docs/security.md '| 1 | promised | proved |\n| 5 | promised | proved |'
plant trace "[trap-199] is in no document" tests/unit/x_test.cpp "$spdx\n// [trap-199]"

if [ "$failures" -gt 0 ]; then
  echo "planted_faults: $failures faults were not found"
  exit 1
fi
echo 'planted_faults: all were found'
