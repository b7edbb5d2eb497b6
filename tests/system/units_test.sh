#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd takes the units without a complaint, and finds them hardened (promise 12). Arguments: the folder with
# tantalusd.service as it is built, and the source tree.
set -eu
built=$1
sources=$2
worst=15 # Exposure, in tenths: 1.5 of 10.

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# What ExecStart= names is not installed here, so that a program stands in for it.
sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' "$built/tantalusd.service" >"$dir/tantalusd.service"
cp "$sources/systemd/tantalusd.socket" "$dir/"

said=$(systemd-analyze verify --man=no "$dir/tantalusd.service" "$dir/tantalusd.socket" 2>&1) || {
  echo "$said"
  exit 1
}
if [ -n "$said" ]; then
  echo "systemd-analyze verify: $said"
  exit 1
fi

grep -q '^ExecStart=/.*/tantalusd --config ' "$built/tantalusd.service"
for directive in ProtectProc PrivateUsers; do
  if grep -q "^$directive=" "$built/tantalusd.service"; then
    echo "$directive= breaks attestation"
    exit 1
  fi
  grep -q "^#.*$directive=" "$built/tantalusd.service" || {
    echo "$directive= is left out without a word"
    exit 1
  }
done

# A unit with nothing in it must fail, or the threshold proves nothing.
printf '[Service]\nExecStart=/bin/true\n' >"$dir/bare.service"
if systemd-analyze security --offline=true --no-pager --threshold=$worst "$dir/bare.service" >/dev/null 2>&1; then
  echo "systemd-analyze security takes a unit without any hardening"
  exit 1
fi
systemd-analyze security --offline=true --no-pager --threshold=$worst "$dir/tantalusd.service" >"$dir/report" || {
  grep -v '✓' "$dir/report"
  exit 1
}
tail -n 1 "$dir/report"

if command -v systemd-sysusers >/dev/null; then
  mkdir -p "$dir/root/etc"
  systemd-sysusers --root="$dir/root" "$sources/systemd/sysusers.conf"
  grep -q '^tantalus:' "$dir/root/etc/passwd"
  systemd-tmpfiles --root="$dir/root" --create "$sources/systemd/tmpfiles.conf"
  [ "$(stat -c %a "$dir/root/run/tantalus")" = 755 ]
  [ "$(stat -c %a "$dir/root/run/tantalus-private")" = 700 ]
fi
