#!/usr/bin/env bash
# ShellCheck over every tracked shell script.
set -euo pipefail
cd "$(dirname "$0")/../.."
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck --external-sources
