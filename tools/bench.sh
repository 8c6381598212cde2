#!/usr/bin/env bash
# Builds what is shipped and measures it: one table on standard output, the same rows in build/bench.json.
#
# usage: tools/bench.sh [flags of tributary_bench]        e.g. --only profile --events 100000
set -euo pipefail
cd "$(dirname "$0")/.."

tools/build.sh release tributary tributary_bench
exec build/release/tests/bench/tributary_bench \
  --dir "build/bench-scratch" --server build/release/tools/tributary/tributary --json build/bench.json "$@"
