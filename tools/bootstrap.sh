#!/usr/bin/env bash
# Installs the Debian 12 packages that a build of Tributary needs and that are missing; says which.
# Does nothing, in well under a second, when all are there. Needs root or sudo only if some are missing.
#
# usage: tools/bootstrap.sh [build|check|kafka]...
#   build  what `make test`, `make demo` and `make bench` need (the default)
#   check  that, and what `make check` needs; buf goes into build/tools/venv, not into the system
#   kafka  what deploy/kafka/cluster.sh needs
set -euo pipefail
cd "$(dirname "$0")/.."

# The pinned version decides what `buf lint` finds, so that it finds the same on every machine.
readonly BUF_VERSION=1.75.0
readonly VENV=build/tools/venv

readonly BUILD_PACKAGES=(
  build-essential cmake ninja-build ccache mold pkg-config python3
  protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libprotoc-dev libgrpc++-dev
  librdkafka-dev librocksdb-dev prometheus-cpp-dev
  libabsl-dev libfmt-dev libspdlog-dev libcli11-dev nlohmann-json3-dev libsimdjson-dev libre2-dev
  libxxhash-dev libssl-dev libphonenumber-dev libicu-dev libjemalloc-dev
  libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev
)
readonly CHECK_PACKAGES=(
  ca-certificates git clang-format-14 clang-tidy-14 shellcheck spin python3-venv
)
readonly KAFKA_PACKAGES=(openjdk-17-jre-headless maven)

say() { printf 'bootstrap: %s\n' "$*"; }

# Prints those of the packages named as arguments that are not installed.
missing_packages() {
  local installed
  # dpkg-query fails when it does not know one of the names; its list is right all the same.
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' || true)
  printf '%s\n' "$@" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null; then
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else
    say "packages are missing, and this is neither root nor is there sudo: run tools/bootstrap.sh as root" >&2
    return 1
  fi
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [[ ${#missing[@]} -eq 0 || -z ${missing[0]} ]]; then return; fi
  if ! command -v apt-get >/dev/null; then
    say "no apt-get here: Tributary builds on Debian 12. Missing: ${missing[*]}" >&2
    return 1
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  # Package lists are fetched only if those at hand do not lead to the packages.
  if ! as_root apt-get install -y -qq --no-install-recommends --dry-run "${missing[@]}" >/dev/null 2>&1; then
    as_root apt-get update -qq
  fi
  local log
  log=$(mktemp)
  if ! as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    # The lists may name versions that the mirror has replaced since.
    say 'the install failed; once more, with fresh package lists'
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || {
      cat "$log" >&2
      rm -f "$log"
      return 1
    }
  fi
  rm -f "$log"
  say 'installed'
}

install_buf() {
  if [[ -x $VENV/bin/buf && -f $VENV/buf-$BUF_VERSION ]]; then return; fi
  say "installing buf $BUF_VERSION into $VENV"
  rm -rf "$VENV"
  # The system's own python3, so that a virtual environment around us does not matter.
  /usr/bin/python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "buf-bin==$BUF_VERSION"
  touch "$VENV/buf-$BUF_VERSION"
}

for set in "${@:-build}"; do
  case $set in
    build) install_packages "${BUILD_PACKAGES[@]}" ;;
    check)
      install_packages "${BUILD_PACKAGES[@]}" "${CHECK_PACKAGES[@]}"
      install_buf
      ;;
    kafka)
      # Any Java and Maven will do, wherever they come from.
      if ! { command -v java && command -v mvn; } >/dev/null; then install_packages "${KAFKA_PACKAGES[@]}"; fi
      ;;
    *)
      echo "usage: tools/bootstrap.sh [build|check|kafka]..." >&2
      exit 2
      ;;
  esac
done
