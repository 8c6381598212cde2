#!/usr/bin/env bash
# clang-tidy over our sources: over what changed since BASE, or over everything when BASE is empty.
# A changed header stands for the sources that include it; a changed .clang-tidy for everything.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly BUILD=build/dev
readonly FOLDERS=(libs services tools tests)

changed_since() {
  local base=$1 file
  { git diff --name-only --diff-filter=d "$(git merge-base "$base" HEAD)" && git ls-files --others --exclude-standard; } |
    sort -u | while IFS= read -r file; do
    case $file in
      .clang-tidy) git ls-files "${FOLDERS[@]}" | grep '\.cc$' ;;
      *.cc) echo "$file" ;;
      # By its path below an include folder, or by its bare name beside it.
      *.h) grep -rlE --include='*.cc' "#include \"(.*/)?${file##*/}\"" "${FOLDERS[@]}" 2>/dev/null || true ;;
    esac
  done | sort -u
}

tools/build.sh dev tributary_generated >/dev/null

# Only sources that the build knows can be checked: of some it has none, for want of an option.
known=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$BUILD/compile_commands.json" | sed "s#^$PWD/##" |
  grep -E '^(libs|services|tools|tests)/' | sort -u)
if [[ -n ${BASE:-} ]]; then
  git rev-parse --quiet --verify "$BASE^{commit}" >/dev/null || {
    echo "tidy: BASE=$BASE is no commit here" >&2
    exit 2
  }
  scope="changed since $BASE ($(git rev-parse --short "$BASE"))"
  files=$(comm -12 <(echo "$known") <(changed_since "$BASE"))
else
  scope='all: no BASE given'
  files=$known
fi
if [[ -z $files ]]; then
  echo "tidy: no files ($scope)"
  exit 0
fi
echo "tidy: $(wc -l <<<"$files") files ($scope)"
# Largest first, so that the cores end together. Silent but for findings.
# shellcheck disable=SC2016  # $0 is the inner shell's: the file
xargs ls -S <<<"$files" | xargs -n 1 -P "${JOBS:-$(nproc)}" \
  sh -c 'out=$(clang-tidy-14 --quiet --extra-arg=-Wno-unknown-warning-option -p '"$BUILD"' "$0" 2>&1) || { printf "%s\n" "$out" | grep -v "warnings generated"; exit 1; }'
