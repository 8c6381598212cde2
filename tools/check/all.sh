#!/usr/bin/env bash
# Every check that is not a test, one after the other; goes on after a failure and names the failed at the end.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

failed=()
check() {
  local name=$1 start=$SECONDS
  shift
  printf -- '-- check: %s\n' "$name"
  if "$@"; then
    printf '   %s: ok (%d s)\n' "$name" $((SECONDS - start))
  else
    printf '   %s: FAILED (%d s)\n' "$name" $((SECONDS - start))
    failed+=("$name")
  fi
}

# The quick ones first.
check format tools/check/format.sh
check shell tools/check/shell.sh
check links tools/check/links.py
check layering tests/layering/check_layering.py
check layering-self-test tests/layering/check_layering_test.py
check proto tools/check/proto.sh
check spin tools/check/spin.sh
check tidy tools/check/tidy.sh

if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'check: failed: %s\n' "${failed[*]}"
  exit 1
fi
echo 'check: all passed'
