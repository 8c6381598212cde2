#!/usr/bin/env bash
# The demo of an import: a server on a fresh directory, a purchase history, events on other channels, and what came of
# them, against the files added up. `make demo DATA=file` builds and calls it. Takes some ten seconds, needs no network,
# removes all that it made.
#
#   DATA=file     a file in the shape of CDNOW_master.txt; default: one that is made up
#   KEEP=1        leave the server running and its data where it is
#   TRIBUTARY=... the binary (default: the release build's)
set -euo pipefail
# Paths that were given are the caller's; our own are the checkout's.
DATA=${DATA:+$(realpath -- "$DATA")}
BINARY=${TRIBUTARY:+$(realpath -- "$TRIBUTARY")}
cd "$(dirname "$0")/.."
BINARY=${BINARY:-$PWD/build/release/tools/tributary/tributary}
readonly DATA BINARY
readonly KEEP=${KEEP:-}
readonly SHOP=shop  # the purchases' source, and who gave out the customers' numbers
# Each source and the channel that its events come by.
readonly SOURCES=("$SHOP:web" web:web app:app pos:store hotel:property call-centre:call line:line mail:email survey:email)

if [[ -n $DATA && ! -r $DATA ]]; then
  echo "demo: DATA=$DATA cannot be read" >&2
  exit 1
fi
# shellcheck source=tools/demo-common.sh
source tools/demo-common.sh

# What the totals say of the currency $1: its field $2.
revenue() {
  python3 -c '
import json, sys
totals = json.loads(open(sys.argv[1]).readline())
print(next(sum[sys.argv[3]] for sum in totals["revenue"] if sum["currency"] == sys.argv[2]))' "$work/totals" "$@"
}

expect() {
  local what=$1 found=$2 wanted=$3
  if [[ $found != "$wanted" ]]; then
    echo "demo: $what: $found, but it must be $wanted" >&2
    exit 1
  fi
  printf '%-34s %14s   as it must be\n' "$what" "$found"
}

# What a file in the shape of CDNOW_master.txt comes to, added up in whole cents without any of our code.
add_up() {
  python3 -c '
import json, sys
rows = [line.split() for line in open(sys.argv[1]).readlines()[1:] if line.strip()]
cents = sum(int(row[3].replace(".", "")) for row in rows)
print(json.dumps({"customers": len({row[0] for row in rows}), "rows": len(rows),
                  "dollars": f"{cents // 100}.{cents % 100:02}"}))' "$1"
}

prepare_data() {
  purchases=${DATA:-$work/purchases.txt}
  if [[ -z $DATA ]]; then
    tributary generate --json --kind purchases --out "$purchases" >"$work/generated.json"
  fi
  add_up "$purchases" >"$work/purchases.json"
  tributary generate --json --kind events --issuer "$SHOP" --out "$work/events.ndjson" >"$work/events.json"
}

show_totals() {
  tributary totals --json >"$work/totals"
  echo "profiles: $(field "$work/totals" profiles), with $(field "$work/totals" entries) entries in their journeys"
  expect 'orders in USD (the purchases)' "$(revenue USD orders)" "$(field "$work/purchases.json" rows)"
  expect 'revenue in USD, gross' "$(revenue USD gross)" "$(field "$work/purchases.json" dollars)"
  expect 'orders in THB (the tills)' "$(revenue THB orders)" "$(field "$work/events.json" orders)"
  expect 'revenue in THB, gross' "$(revenue THB gross)" "$(field "$work/events.json" gross_baht)"
  expect 'revenue in THB, returned' "$(revenue THB returned)" "$(field "$work/events.json" returned_baht)"
}

title 'A server with everything in one process, on a fresh directory'
# shellcheck disable=SC2119  # no more flags
start_server
echo "gRPC $(field "$work/addresses" address), data in $work/data"
prepare_data
create_sources "${SOURCES[@]}"

title "$(field "$work/purchases.json" rows) purchases of $(field "$work/purchases.json" customers) customers"
tributary import csv "$purchases" --format cdnow --source "$SHOP" --time-zone Asia/Bangkok --wait

title "$(field "$work/events.json" events) events of $(field "$work/events.json" people) people, from $((${#SOURCES[@]} - 1)) more sources"
tributary ingest "$work/events.ndjson" --batch 1000 --wait

title 'What is known now, against the files added up'
show_totals

title 'Identifiers that did not join customers'
tributary refusals --count

customer=$(field "$work/events.json" widest_customer)
title "The journey of customer $customer"
tributary journey --customer-id "$customer" --issuer "$SHOP" --time-zone Asia/Bangkok | wrap

title 'The projections against the log, applied anew'
tributary verify | tail -n 1

title 'Metrics'
metrics=$(field "$work/addresses" metrics)
echo "$metrics, for example:"
fetch_metrics "$metrics" "$work/metrics"
# Not `head`: it would end the pipe while the others still write.
grep -E '^tributary_ingest_events_total|^tributary_task_lag_records.*"intake",partition="0"' "$work/metrics" | sed -n 1,3p

title 'How to go on'
if [[ -n $KEEP ]]; then
  cat <<END
The server is still running (process $server) on $work/data:
  export PATH="$(dirname "$BINARY"):\$PATH"
  export TRIBUTARY_DATA_DIR="$PWD/$work/data"
  tributary journey --customer-id $customer --issuer $SHOP --newest-first
  tributary tasks
  kill $server                      # ends it in good order; then
  rm -r "$work"
END
else
  cat <<END
The demo removes its data now; KEEP=1 leaves the server running.
A server of your own, on ./data, and a second terminal for its command line:
  make run
  export PATH="$(dirname "$BINARY"):\$PATH"
  export TRIBUTARY_DATA_DIR="$PWD/data"
  tributary generate --kind events --out events.ndjson
  tributary --help
END
fi
