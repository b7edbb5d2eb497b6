#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs into a folder of its own, moves that folder, builds the examples against it as a stranger would (pkg-config,
# find_package, shared and static), and runs them against the installed agent.
#
#   install_test.sh SOURCE-FOLDER BUILD-FOLDER C-COMPILER C++-COMPILER
set -euo pipefail

source=$1
build=$2
cc=$3
cxx=$4
dir=$(mktemp -d)
agent=''
clean_up() {
  [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
  wait
  rm -rf "$dir"
}
trap clean_up EXIT

insist() {
  if ! "${@:2}"; then
    echo "install: $1" >&2
    exit 1
  fi
}

cmake --install "$build" --prefix "$dir/first" >"$dir/log"
mv "$dir/first" "$dir/usr"
prefix=$dir/usr

for path in bin/tantalusd bin/tantalus include/tantalus/tantalus.h include/tantalus/tantalus.hpp \
  share/doc/tantalus/LICENSE share/man/man3/libtantalus.3 share/bash-completion/completions/tantalus; do
  insist "$path is not installed" test -e "$prefix/$path"
done

config=$(find "$prefix" -name tantalus.pc)
insist 'no pkg-config file is installed' test -n "$config"
libraries=$(dirname "$(dirname "$config")")
export PKG_CONFIG_PATH=${config%/*} LD_LIBRARY_PATH=$libraries

read -ra flags <<<"$(pkg-config --cflags --libs tantalus)"
for example in fetch loop; do
  "$cc" -Wall -Werror -o "$dir/$example" "$source/examples/c/$example.c" "${flags[@]}"
done
read -ra flags <<<"$(pkg-config --cflags tantalus) $libraries/libtantalus.a -lm"
"$cc" -Wall -Werror -o "$dir/fetch_static" "$source/examples/c/fetch.c" "${flags[@]}"
cmake -G Ninja -S "$source/examples/cpp" -B "$dir/cpp" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$prefix" >"$dir/log"
cmake --build "$dir/cpp" >"$dir/log"

# Without an agent each says so and fails.
status=0
TANTALUS_SOCKET=$dir/none.sock "$dir/fetch" db-password 2>"$dir/said" || status=$?
insist "fetch without an agent ended with $status: $(cat "$dir/said")" test "$status" = 1
insist "the shared library was not found where it lies: $(cat "$dir/said")" grep -q db-password "$dir/said"

mkdir -m 755 "$dir/run"
mkdir -m 700 "$dir/private" "$dir/secrets"
(
  umask 077
  cat >"$dir/secrets/store.yaml" <<'YAML'
apiVersion: v1
kind: Secret
metadata:
  name: iomete-secret-store-examples
stringData:
  db-password: eleven-byte
  api-token: nine-byte
YAML
)
cat >"$dir/tantalusd.yaml" <<YAML
listen:
  socket: $dir/run/resolve.sock
  debug_socket: $dir/private/debug.sock
identity:
  attestors: [user]
  domains:
    - user: $(id -u)
      domain: examples
default_source: file
backends:
  kubernetes: { enabled: false }
  vault: { enabled: false }
  file: { enabled: true, directory: $dir/secrets }
audit:
  path: $dir/private/audit.jsonl
YAML
insist 'the installed agent refuses its configuration' "$prefix/bin/tantalusd" --config "$dir/tantalusd.yaml" --check-config
"$prefix/bin/tantalusd" --config "$dir/tantalusd.yaml" >"$dir/agent.log" 2>&1 &
agent=$!
export TANTALUS_SOCKET=$dir/run/resolve.sock
insist "the installed agent does not answer: $(tail -n 3 "$dir/agent.log")" "$prefix/bin/tantalus" ping --wait 10s

expect() {
  local wanted=$1 said
  shift
  said=$("$@" 2>&1) || true
  case $said in
    *"$wanted"*) ;;
    *)
      echo "install: $* said '$said', not '$wanted'" >&2
      exit 1
      ;;
  esac
}
expect 'db-password: 11 bytes from file' "$dir/fetch" db-password
expect 'db-password: 11 bytes from file' "$dir/fetch_static" db-password
expect 'api-token: 9 bytes' "$dir/loop" db-password api-token
expect 'api-token: 9 bytes from file' "$dir/cpp/fetch_many" db-password api-token
expect 'api-token: 9 bytes from file' "$dir/cpp/fetch_many_static" db-password api-token
echo 'install: the installed tree works from another place'
