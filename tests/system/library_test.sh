#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What others link: the names that the library shows are those of its list, each with its version; it needs libc, libm and
# the loader alone; it is small; and the archive shows no other names either.
#
#   library_test.sh SHARED-LIBRARY ARCHIVE LIST STRIP
set -euo pipefail

shared=$1
archive=$2
list=$3
strip=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
  echo "library: $*" >&2
  exit 1
}

nm -D --defined-only "$shared" | awk '$2 != "A" {print $3}' | sort >"$dir/shown"
grep -v '^#' "$list" | sort >"$dir/listed"
# A name that goes, or changes its version, breaks programs: then the soname changes too. A new one is added to the list.
diff -u "$dir/listed" "$dir/shown" >&2 || fail "the exported names are not those of $list"

needed=$(readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for library in $needed; do
  case $library in
    libc.so.* | libm.so.* | ld-linux*.so.*) ;;
    *) fail "it needs $library" ;;
  esac
done
[ "$(readelf -d "$shared" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" = libtantalus.so.1 ] || fail 'its soname is another'

"$strip" -o "$dir/stripped" "$shared"
size=$(stat -c %s "$dir/stripped")
[ "$size" -lt $((256 * 1024)) ] || fail "it has $size bytes, which is 256 KiB or more"

foreign=$(nm -g --defined-only "$archive" | awk 'NF == 3 && $3 !~ /^tantalus_/ {print $3}')
[ -z "$foreign" ] || fail "the archive shows $foreign"
