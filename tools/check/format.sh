#!/usr/bin/env bash
# Every tracked C++ file is laid out as .clang-format says; with --fix, makes it so.
set -euo pipefail
cd "$(dirname "$0")/../.."

mode=(--dry-run -Werror)
if [[ ${1:-} == --fix ]]; then mode=(-i); fi
# Deleted files are still in the index.
git ls-files -z '*.h' '*.cc' | while IFS= read -r -d '' file; do
  if [[ -f $file ]]; then printf '%s\0' "$file"; fi
done | xargs -0 -r -n 16 -P "${JOBS:-$(nproc)}" clang-format-14 --style=file "${mode[@]}"
