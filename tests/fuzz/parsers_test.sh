#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every parser has a fuzzer that reaches it, and every fuzzer a corpus with something in it. [trap-120] [promise-14]
#
#   parsers_test.sh SOURCE-FOLDER
set -euo pipefail

cd "$1"
list=tests/fuzz/parsers.txt
failures=0
complain() {
  echo "parsers: $*"
  failures=$((failures + 1))
}

# A source implements the header that it includes first.
declare -A sources_of=()
while IFS=: read -r source header; do
  sources_of[$header]+=" $source"
done < <(find protocol cache backends agent client -name '*.cpp' -exec \
  awk 'FNR == 1 { found = 0 } !found && /^#include "/ { gsub(/"/, "", $2); print FILENAME ":" $2; found = 1 }' {} +)

# The files that a fuzzer reaches: what it includes, what implements that, and what those include.
declare -A reached=()
reach() {
  local fuzzer=$1 file header
  local -a files=("tests/fuzz/$fuzzer.cpp")
  while [ ${#files[@]} -gt 0 ]; do
    file=${files[-1]}
    unset 'files[-1]'
    if [ -n "${reached[$fuzzer $file]:-}" ] || [ ! -e "$file" ]; then
      continue
    fi
    reached[$fuzzer $file]=yes
    while read -r header; do
      files+=("$header")
      read -ra sources <<<"${sources_of[$header]:-}"
      files+=("${sources[@]}")
    done < <(sed -n 's/^#include "\(.*\)"$/\1/p' "$file")
  done
}

fuzzers=$(sed -n 's/^ *tantalus_fuzzer(\([a-z0-9_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt | grep -v '^canary_fuzz$')
for fuzzer in $fuzzers; do
  [ -e "tests/fuzz/$fuzzer.cpp" ] || complain "$fuzzer has no source"
  [ -n "$(find "tests/fuzz/corpus/$fuzzer" -type f -size +0c 2>/dev/null)" ] || complain "$fuzzer has no corpus"
  grep -q " $fuzzer\$" "$list" || complain "$fuzzer feeds nothing in $list"
  reach "$fuzzer"
done
for source in tests/fuzz/*_fuzz.cpp; do
  name=$(basename "$source" .cpp)
  [ "$name" = canary_fuzz ] || grep -qx "$name" <<<"$fuzzers" || complain "$source is built by nobody"
done

while read -r parser fuzzer why; do
  [ -e "$parser" ] || complain "$parser does not exist"
  if [ "$fuzzer" = - ]; then
    [ -n "$why" ] || complain "$parser has neither a fuzzer nor a reason"
  elif [ -z "${reached[$fuzzer $parser]:-}" ]; then
    complain "$fuzzer does not reach $parser"
  fi
done < <(grep -v '^#' "$list")

# What uses a parsing library, or turns text into numbers, parses.
signs='from_chars|rapidjson/|libfyaml|msgpack|llhttp\.h|\bstrto(u|l|ul|ll|ull|d)\b|\bsscanf\b|\bstd::sto[a-z]+\('
while read -r source; do
  grep -q "^$source " "$list" || complain "$source looks like a parser and is not in $list"
done < <(grep -rlE "$signs" protocol cache backends agent client --include=*.cpp | sort)

if [ "$failures" -gt 0 ]; then
  exit 1
fi
echo "parsers: $(grep -cv '^#' "$list") sources, $(wc -w <<<"$fuzzers") fuzzers"
