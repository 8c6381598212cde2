#!/usr/bin/env bash
# The contracts: `buf lint`, and `buf breaking` against the contracts as last agreed (proto/baseline.binpb).
#
# usage: tools/check/proto.sh            check
#        tools/check/proto.sh --accept   make today's contracts the baseline; only with a release
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly BUF=$PWD/build/tools/venv/bin/buf
# The module is where buf.yaml is.
module=.
if [[ -f proto/buf.yaml ]]; then module=proto; fi
baseline=$PWD/proto/baseline.binpb

if [[ ${1:-} == --accept ]]; then
  "$BUF" build "$module" -o "$baseline"
  echo "proto: $baseline is the baseline now"
  exit 0
fi
"$BUF" lint "$module"
"$BUF" breaking "$module" --against "$baseline"
