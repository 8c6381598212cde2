#!/usr/bin/env bash
# An installation of Tributary on this machine: a Kafka, and each service in a process of its own. `--help` says how.
#
# All that it has is below build/cluster: the peers' secret, and for each service its projections, log and pid.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly CLUSTER=$PWD/build/cluster
readonly KAFKA=deploy/kafka/cluster.sh
readonly SERVICES=(ingestion identity profile)
# gRPC of the first service, metrics beside it; the next service has the next two.
readonly FIRST_PORT=7170
# Bounds of waiting, for a machine that has much else to do.
readonly START_SECONDS=120 STOP_SECONDS=60

usage() {
  cat <<'END'
usage: deploy/cluster/cluster.sh COMMAND [options]

  up        start a Kafka and the services, or what of them does not run, and wait until all serve
              --brokers 1|3     of Kafka, when it is new (default: 3)
              --partitions N    of intake and journey, when they are new (default: 12)
              --build DIR       where the programs were built (default: build/release)
  down      stop the services, then Kafka; the data stays for the next `up`
              --data            remove the data, too
  status    show the processes; fails unless all of them run

Other commands find it by TRIBUTARY_DATA_DIR=build/cluster/ingestion.
END
}

say() { printf 'cluster: %s\n' "$*"; }
fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}
misused() {
  printf 'cluster: %s; see deploy/cluster/cluster.sh --help\n' "$*" >&2
  exit 2
}

index_of() {
  local i
  for i in "${!SERVICES[@]}"; do [[ ${SERVICES[i]} != "$1" ]] || echo "$i"; done
}
port_of() { echo $((FIRST_PORT + 2 * $(index_of "$1"))); }
program_of() { echo "$build/services/standalone/tributary-$1"; }
log_of() { echo "$CLUSTER/$1.log"; }

# True if the service $1 runs; its pid is then in $pid. A number that went to another process since is not taken for it.
running() {
  pid=$(cat "$CLUSTER/$1.pid" 2>/dev/null) && [[ -n $pid ]] &&
    grep -qzxF -- "$CLUSTER/$1" "/proc/$pid/cmdline" 2>/dev/null
}

start() {
  local service=$1 peers=() other
  if running "$service"; then return; fi
  for other in "${SERVICES[@]}"; do
    if [[ $other != "$service" ]]; then peers+=(--peer "$other=127.0.0.1:$(port_of "$other")"); fi
  done
  setsid "$(program_of "$service")" --kafka "$servers" ${relaxed:+"$relaxed"} --partitions "$partitions" \
    --data-dir "$CLUSTER/$service" \
    --listen "127.0.0.1:$(port_of "$service")" --metrics-listen "127.0.0.1:$(($(port_of "$service") + 1))" \
    --peer-secret-file "$CLUSTER/secret" "${peers[@]}" >>"$(log_of "$service")" 2>&1 </dev/null &
  echo $! >"$CLUSTER/$service.pid"
}

await() {
  local service=$1
  if "$build/tools/tributary/tributary" health --server "127.0.0.1:$(port_of "$service")" --wait "$START_SECONDS" \
    >/dev/null; then return; fi
  tail -n 15 "$(log_of "$service")" >&2
  fail "$service does not serve after $START_SECONDS s; all that it said is in $(log_of "$service")"
}

up() {
  local service tributary=$build/tools/tributary/tributary
  for service in "${SERVICES[@]}"; do
    [[ -x $(program_of "$service") ]] || fail "there is no $(program_of "$service"): build it first, \`make cluster\` does"
  done
  mkdir -p "$CLUSTER"
  "$KAFKA" up --brokers "$brokers"
  servers=$("$KAFKA" servers)
  if [[ $servers != *,* ]]; then relaxed=--dev; fi
  "$tributary" topics apply --brokers "$servers" --partitions "$partitions" ${relaxed:+"$relaxed"}
  if [[ ! -s $CLUSTER/secret ]]; then
    (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$CLUSTER/secret" && echo >>"$CLUSTER/secret")
  fi
  for service in "${SERVICES[@]}"; do start "$service"; done
  for service in "${SERVICES[@]}"; do await "$service"; done
  status
  cat <<END

Go on with:
  export TRIBUTARY_DATA_DIR=build/cluster/ingestion
  $tributary source create website --channel web
END
}

down() {
  local service deadline=$((SECONDS + STOP_SECONDS))
  for service in "${SERVICES[@]}"; do
    if running "$service"; then kill -TERM "$pid"; fi
  done
  for service in "${SERVICES[@]}"; do
    while running "$service"; do
      if ((SECONDS >= deadline)); then
        say "$service has not ended after $STOP_SECONDS s: it is killed"
        kill -KILL "$pid"
        deadline=$((SECONDS + STOP_SECONDS))
      fi
      sleep 0.2
    done
    rm -f "$CLUSTER/$service.pid"
  done
  "$KAFKA" down ${remove:+--data}
  if [[ -n $remove ]]; then rm -rf "$CLUSTER"; fi
  say 'stopped'
}

status() {
  local service missing=0
  for service in "${SERVICES[@]}"; do
    if running "$service"; then
      say "$(printf '%-10s gRPC 127.0.0.1:%d  metrics http://127.0.0.1:%d/metrics  pid %d' "$service" \
        "$(port_of "$service")" $(($(port_of "$service") + 1)) "$pid")"
    else
      say "$(printf '%-10s does not run' "$service")"
      missing=1
    fi
  done
  return "$missing"
}

brokers=3 partitions=12 build=build/release remove='' relaxed='' servers=''
command=${1:-}
shift || true
while (($# > 0)); do
  case $1 in
    --brokers) brokers=${2:?} && shift ;;
    --partitions) partitions=${2:?} && shift ;;
    --build) build=${2:?} && shift ;;
    --data) remove=1 ;;
    *) misused "$1 is no option" ;;
  esac
  shift
done
case $command in
  up | down | status) "$command" ;;
  -h | --help) usage ;;
  *) misused "'$command' is no command" ;;
esac
