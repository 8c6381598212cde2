#!/usr/bin/env bash
# Configures a preset (quietly, unless that fails) and builds it, or only the named targets of it.
#
# usage: tools/build.sh PRESET [target...]        JOBS=n compiles at a time (default: one per core)
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: tools/build.sh PRESET [target...]}
shift
mkdir -p build
log=build/$preset.configure.log
if ! cmake --preset "$preset" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
export NINJA_STATUS='[%f/%t %es] '
targets=()
if [[ $# -gt 0 ]]; then targets=(--target "$@"); fi
cmake --build --preset "$preset" --parallel "${JOBS:-$(nproc)}" "${targets[@]}"
