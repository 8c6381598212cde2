#!/usr/bin/env bash
# The demo: a server on a fresh directory, a purchase history, events on other channels, and what came of them.
# `make demo` builds and calls it. Takes some ten seconds, needs no network, removes all that it made.
#
#   DATA=file     a real file in the shape of CDNOW_master.txt instead of one that is made up
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

if [[ ! -x $BINARY ]]; then
  echo "demo: there is no $BINARY; \`make demo\` builds it" >&2
  exit 1
fi
if [[ -n $DATA && ! -r $DATA ]]; then
  echo "demo: DATA=$DATA cannot be read" >&2
  exit 1
fi

mkdir -p build
work=$(mktemp -d build/demo-data.XXXXXX)
readonly work
server=

finish() {
  local code=$?
  trap - EXIT
  if [[ $code -eq 0 && -n $KEEP ]]; then return; fi
  if [[ -n $server ]]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  if [[ $code -ne 0 && -s $work/server.log ]]; then
    echo "demo: failed; the server said:" >&2
    tail -n 20 "$work/server.log" >&2
  fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

title() { printf '\n== %s\n' "$*"; }
tributary() { "$BINARY" "$@" --data-dir "$work/data"; }

# Prints the field that the path $2.. leads to in the first line of JSON of the file $1.
field() {
  python3 -c '
import json, sys
value = json.loads(open(sys.argv[1]).readline())
for step in sys.argv[2:]:
    value = value[int(step)] if isinstance(value, list) else value[step]
print(value)' "$@"
}

# What the totals say of the currency $1: its field $2.
revenue() {
  python3 -c '
import json, sys
totals = json.loads(open(sys.argv[1]).readline())
print(next(sum[sys.argv[3]] for sum in totals["revenue"] if sum["currency"] == sys.argv[2]))' "$work/totals" "$@"
}

# Long lines in 80 columns, what is carried over below the text of an entry.
wrap() {
  python3 -c '
import sys, textwrap
for line in sys.stdin.read().splitlines():
    print(textwrap.fill(line, 80, subsequent_indent=" " * 22, break_long_words=False, break_on_hyphens=False,
                        drop_whitespace=True, replace_whitespace=False))'
}

expect() {
  local what=$1 found=$2 wanted=$3
  if [[ $found != "$wanted" ]]; then
    echo "demo: $what: $found, but it must be $wanted" >&2
    exit 1
  fi
  printf '%-34s %14s   as it must be\n' "$what" "$found"
}

start_server() {
  "$BINARY" serve --json --data-dir "$work/data" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
    >"$work/addresses" 2>"$work/server.log" &
  server=$!
  # It says its addresses when it serves; a server that has ended says nothing more.
  local deadline=$((SECONDS + 30))
  until [[ -s $work/addresses ]] && tributary tasks >/dev/null 2>&1; do
    if ! kill -0 "$server" 2>/dev/null || ((SECONDS >= deadline)); then
      echo 'demo: the server does not serve' >&2
      exit 1
    fi
    sleep 0.05
  done
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

create_sources() {
  local source
  for source in "${SOURCES[@]}"; do
    tributary source create "${source%%:*}" --channel "${source##*:}" >/dev/null 2>"$work/errors" ||
      { cat "$work/errors" >&2 && exit 1; }
  done
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

# The first records of the page at $1, by bash alone: a bare machine has no curl.
show_metrics() {
  local authority=${1#http://}
  authority=${authority%%/*}
  exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}"
  printf 'GET /metrics HTTP/1.0\r\nHost: %s\r\n\r\n' "$authority" >&3
  cat <&3 >"$work/metrics"
  exec 3>&-
  # Not `head`: it would end the pipe while the others still write.
  grep -E '^tributary_ingest_events_total|^tributary_task_lag_records.*"intake",partition="0"' "$work/metrics" | sed -n 1,3p
}

title 'A server with everything in one process, on a fresh directory'
start_server
echo "gRPC $(field "$work/addresses" address), data in $work/data"
prepare_data
create_sources

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
show_metrics "$metrics"

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
The demo removes its data now; KEEP=1 make demo leaves the server running.
A server of your own, on ./data, and a second terminal for its command line:
  make run
  export PATH="$(dirname "$BINARY"):\$PATH"
  export TRIBUTARY_DATA_DIR="$PWD/data"
  tributary generate --kind events --out events.ndjson
  tributary --help
END
fi
