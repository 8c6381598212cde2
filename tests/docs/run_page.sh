#!/usr/bin/env bash
# Runs the ```sh blocks of a page of the docs, in order, as a reader would: against a server of its own on a fresh
# directory, in an empty folder. Fails with the block whose command fails.
#
# usage: run_page.sh BINARY PAGE
set -euo pipefail

binary=$(realpath -- "${1:?usage: run_page.sh BINARY PAGE}")
page=$(realpath -- "${2:?usage: run_page.sh BINARY PAGE}")
readonly binary page

work=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

"$binary" serve --json --data-dir "$work/data" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
  >"$work/addresses" 2>"$work/server.log" &
server=$!
until [[ -s $work/addresses ]]; do
  kill -0 "$server" || {
    cat "$work/server.log" >&2
    exit 1
  }
  read -rt 0.1 <> <(:) || true
done

mkdir "$work/reader"
cd "$work/reader"
# The reader's build is found by PATH; ours is the one under test.
awk -v out="$work/block" '
  /^```sh$/ { inside = 1; ++n; next }
  /^```/ { inside = 0 }
  inside && !/^export PATH=/ { print > sprintf("%s-%03d", out, n) }
' "$page"
blocks=0
for block in "$work"/block-*; do
  if ! PATH="$(dirname "$binary"):$PATH" TRIBUTARY_DATA_DIR="$work/data" \
    bash -euo pipefail "$block" >"$work/output" 2>&1; then
    echo "this block of $page failed:" >&2
    cat "$block" >&2
    echo '--- it said:' >&2
    cat "$work/output" >&2
    exit 1
  fi
  blocks=$((blocks + 1))
done
echo "$blocks blocks of $(basename "$page") run as written"
