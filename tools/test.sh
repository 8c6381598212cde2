#!/usr/bin/env bash
# Runs the tests of a built preset. Those with the ctest label `kafka` get a Kafka of one broker that is started for
# them and removed after them; where none can be had they are left out, and that is said loudly.
#
# usage: tools/test.sh PRESET [ctest's arguments...]
#   TRIBUTARY_TEST_KAFKA=HOST:PORT,...  the Kafka to use instead, as `deploy/kafka/cluster.sh servers` prints it
#   TRIBUTARY_REQUIRE_KAFKA=1           fail where none can be had
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:?usage: tools/test.sh PRESET [ctest arguments...]}
shift
# Presets are tested side by side, each with a cluster of its own.
readonly CLUSTER=test-$preset
# A binary's name is a label too, and may hold the word.
readonly LABEL='^kafka$'
started=

box() {
  local line
  printf '\n%s\n' "$(printf '*%.0s' {1..100})"
  for line in "$@"; do printf '*** %s\n' "$line"; done
  printf '%s\n\n' "$(printf '*%.0s' {1..100})"
}

finish() {
  local code=$?
  trap - EXIT
  if [[ -n $started ]]; then
    # After a failure the broker's log and what the tests wrote may tell why; the next run removes them.
    if [[ $code -eq 0 ]]; then
      deploy/kafka/cluster.sh down --name "$CLUSTER" --data >/dev/null || code=1
    else
      deploy/kafka/cluster.sh down --name "$CLUSTER" >/dev/null || true
    fi
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Exports TRIBUTARY_TEST_KAFKA. What was said, and why it failed if it did, is in the file $1.
start_kafka() {
  {
    tools/bootstrap.sh kafka &&
      deploy/kafka/cluster.sh down --name "$CLUSTER" --data &&
      started=1 &&
      deploy/kafka/cluster.sh up --name "$CLUSTER" --brokers 1 &&
      TRIBUTARY_TEST_KAFKA=$(deploy/kafka/cluster.sh servers --name "$CLUSTER")
  } >"$1" 2>&1 || return 1
  export TRIBUTARY_TEST_KAFKA
}

run_tests() { ctest --preset "$preset" --parallel "${JOBS:-$(nproc)}" "$@"; }

main() {
  local count status=0 why log=build/$CLUSTER.kafka.log
  count=$(ctest --preset "$preset" -N -L "$LABEL" | sed -n 's/^Total Tests: *//p')
  if ((count == 0)) || [[ -n ${TRIBUTARY_TEST_KAFKA:-} ]]; then
    run_tests "$@"
    return
  fi
  mkdir -p build
  if start_kafka "$log"; then
    echo "test: Kafka at $TRIBUTARY_TEST_KAFKA for the $count tests that need one"
    run_tests "$@" || status=$?
    if [[ $status -ne 0 ]]; then echo "test: the broker's files are in build/kafka/$CLUSTER"; fi
    return "$status"
  fi
  mapfile -t why < <(tail -n 12 "$log" | cut -c 1-200)
  if [[ -n ${TRIBUTARY_REQUIRE_KAFKA:-} ]]; then
    box "$count Kafka tests CANNOT run, and TRIBUTARY_REQUIRE_KAFKA is set: nothing was tested." "${why[@]}" >&2
    return 1
  fi
  box "$count Kafka tests will NOT run, because no Kafka can be had:" "${why[@]}"
  run_tests -LE "$LABEL" "$@" || status=$?
  box "$count Kafka tests were NOT run, because no Kafka can be had:" "${why[@]}"
  return "$status"
}

main "$@"
