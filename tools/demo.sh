#!/usr/bin/env bash
# The demo: half a year of a made-up restaurant and hotel group, played by the server's simulated clock, and what came of
# it: how fast, how many customers, how near to the truth, one of them in full. `make demo` builds and calls it. Takes
# less than a minute, needs no network, removes all that it made.
#
#   PEOPLE=n      how many (default: 2000)
#   SEED=n        another history (default: 1)
#   KEEP=1        leave the server running and its data where it is
#   TRIBUTARY=... the binary (default: the release build's)
set -euo pipefail
# Paths that were given are the caller's; our own are the checkout's.
BINARY=${TRIBUTARY:+$(realpath -- "$TRIBUTARY")}
cd "$(dirname "$0")/.."
BINARY=${BINARY:-$PWD/build/release/tools/tributary/tributary}
readonly BINARY
readonly KEEP=${KEEP:-} PEOPLE=${PEOPLE:-2000} SEED=${SEED:-1}
readonly DAYS=180 ZONE=Asia/Bangkok OFFSET=+07:00
# shellcheck source=tools/demo-common.sh
source tools/demo-common.sh

# ID|for people|rule, as docs/rules.md says.
readonly SEGMENTS=(
  'regulars|Regulars|count(order_stated where status = completed within 30d) >= 3'
  'gone-quiet|Came often, gone quiet|order_count >= 3 and inactive(45d)'
  'order-online|Order online|count(order_stated where channel in (web, app) within 60d) >= 1'
  'hotel-guests|Guests of the hotels|count(stay_stated where status = checked_out within 90d) >= 1'
  'unhappy|Unhappy of late|count(feedback_given where rating <= 2 or kind = complaint within 14d) >= 1'
  'bought-once|Bought once, not since|order_count = 1 and recency > 60d'
)
readonly TIERS=(--measure net_revenue.THB --tier 'bronze=1000 THB' --tier 'silver=3000 THB' --tier 'gold=10000 THB')

now_ms() { echo $((${EPOCHREALTIME//[!0-9]/} / 1000)); }
BEGAN=$(now_ms)
readonly BEGAN
parts=()       # "NAME MILLISECONDS", of those that have ended
part_name=
part_began=$BEGAN

# Ends the part before; $1: the name of the one that begins, $2: its title.
part() {
  local now
  now=$(now_ms)
  if [[ -n $part_name ]]; then parts+=("$part_name $((now - part_began))"); fi
  part_name=$1
  part_began=$now
  if [[ -n ${2:-} ]]; then title "$2"; fi
}

# $1 as 1,234,567.
grouped() { sed -E ':more; s/^([0-9]+)([0-9]{3})/\1,\2/; t more' <<<"$1"; }

# The history ends with yesterday, so that the clock can be moved on to now behind it.
make_history() {
  # By the offset, not by the zone's name: a bare machine has no time zones.
  start=$(TZ=UTC-7 date -d "$DAYS days ago" +%F)
  tributary generate --json --kind history --people "$PEOPLE" --seed "$SEED" --days "$DAYS" --start "$start" \
    --out "$work/history.ndjson" --truth "$work/truth.ndjson" >"$work/generated"
  echo "$(grouped "$(field "$work/generated" events)") events of $(grouped "$(field "$work/generated" people)") people in" \
    "$DAYS days from $start: web, app, till, hotel, call centre, LINE, mail and survey"
}

source_list() {
  python3 -c '
import json, sys
for source in json.loads(open(sys.argv[1]).readline())["sources"]:
    print("%s:%s" % (source["source_id"], source["channel"]))' "$work/generated"
}

define_segments() {
  local segment id name rule
  for segment in "${SEGMENTS[@]}"; do
    IFS='|' read -r id name rule <<<"$segment"
    tributary segment apply --id "$id" --name "$name" --rule "$rule" >/dev/null 2>"$work/errors" ||
      { cat "$work/errors" >&2 && exit 1; }
    printf '  %-23s %s\n' "$name" "$rule"
  done
  tributary tier apply "${TIERS[@]}" >/dev/null
  printf '  %-23s %s\n' 'Value tiers' "${TIERS[*]}"
}

show_segments() {
  tributary segment list --json >"$work/segments"
  python3 - "$work/segments" <<'END'
import json, sys
for line in open(sys.argv[1]):
    segment = json.loads(line)
    print(f"  {segment['display_name']:<23} {int(segment['size']):>6,}")
END
  echo
  tributary tier show
}

show_customers() {
  tributary totals --json >"$work/totals"
  tributary profile list --limit 0 --json >"$work/profiles"
  tributary refusals --count --json >"$work/refusals"
  python3 - "$work/totals" "$work/profiles" "$work/refusals" <<'END'
import json, sys
totals = json.loads(open(sys.argv[1]).readline())
merges = sum(len(json.loads(line).get("retired_profile_ids", [])) for line in open(sys.argv[2]))
print(f"{totals['profiles']:,} profiles, after {merges:,} merges of two that turned out to be one")
print(f"{totals['entries']:,} entries in their journeys, {totals['orders']:,} orders")
for money in totals["revenue"]:
    print(f"{float(money['gross']):,.2f} {money['currency']} of revenue, {float(money['returned']):,.2f} of it returned")
refusals = json.loads(open(sys.argv[3]).readline() or "{}")
for reason, count in sorted(refusals.items()):
    print(f"{count:,} identifiers that did not join customers: {reason}")
END
}

# The beginning and the end of a long text.
abridged() {
  python3 -c '
import sys
lines, first, last = sys.stdin.read().splitlines(), int(sys.argv[1]), int(sys.argv[2])
if len(lines) > first + last + 3:
    lines[first:-last] = ["", f"  ... {len(lines) - first - last} lines more ...", ""]
print("\n".join(lines))' "$@"
}

show_journey() {
  customer=$(field "$work/generated" example_customer)
  tributary journey --customer-id "$customer" --issuer crm --time-zone "$ZONE" | wrap | abridged 30 12
  title "How these pieces came to be customer $customer"
  tributary profile get --customer-id "$customer" --issuer crm --json >"$work/customer"
  tributary explain "$(field "$work/customer" profile_id)" --time-zone "$ZONE"
  # The visitor of before, and what made them known.
  if grep -q '"retired_profile_ids": *\["' "$work/customer"; then
    echo
    tributary explain "$(field "$work/customer" retired_profile_ids 0)" "customer_id:crm=$customer" --time-zone "$ZONE"
  fi
}

show_metrics() {
  local metrics
  metrics=$(field "$work/addresses" metrics)
  fetch_metrics "$metrics" "$work/metrics"
  echo "$metrics, for example:"
  python3 - "$work/metrics" <<'END'
import re, sys
page = open(sys.argv[1]).read()
def total(name, label=""):
    found = re.findall(rf"^{name}(?:{{([^}}]*)}})? (\S+)$", page, re.M)
    return sum(float(value) for labels, value in found if label in labels)
print(f"  tributary_ingest_events_total{{result=\"accepted\"}}  {total('tributary_ingest_events_total', 'accepted'):,.0f}")
commits = total("tributary_task_commit_seconds_count")
seconds = total("tributary_task_commit_seconds_sum")
print(f"  tributary_task_commit_seconds                     {1e3 * seconds / max(1, commits):.2f} ms on average of {commits:,.0f}")
print(f"  tributary_task_dead_letters_total                 {total('tributary_task_dead_letters_total'):,.0f}")
END
}

show_times() {
  local entry
  for entry in "${parts[@]}"; do
    printf '  %-10s %5d.%01d s\n' "${entry% *}" $((${entry#* } / 1000)) $((${entry#* } % 1000 / 100))
  done
  local all=$(($(now_ms) - BEGAN))
  printf '  %-10s %5d.%01d s\n' 'in all' $((all / 1000)) $((all % 1000 / 100))
}

part generate 'Half a year, made up'
make_history

part start 'A server with everything in one process, its clock at the beginning'
start_server --simulated-clock "${start}T00:00:00$OFFSET"
readarray -t sources < <(source_list)
create_sources "${sources[@]}"
echo "gRPC $(field "$work/addresses" address), data in $work/data; ${#sources[@]} sources may send"

part define 'Who belongs together, by rule, before anybody has come'
define_segments

part play 'The half year, played by the clock, six hours at a time'
tributary play "$work/history.ndjson"

part advance 'And on to now, from timer to timer'
tributary clock advance --to now --time-zone "$ZONE"

part customers 'What is known now'
show_customers

part score 'How near that is to the truth, which only the generator knew'
tributary score --truth "$work/truth.ndjson"

part journey "The journey of one customer, times in $ZONE"
show_journey

part segments 'Segments and value tiers, entered and left by event and by time'
show_segments

part metrics 'Metrics'
show_metrics

part '' 'How long it took'
show_times

title 'How to go on'
if [[ -n $KEEP ]]; then
  cat <<END
The server is still running (process $server) on $work/data:
  export PATH="$(dirname "$BINARY"):\$PATH"
  export TRIBUTARY_DATA_DIR="$PWD/$work/data"
  tributary journey --customer-id $customer --issuer crm
  tributary profile traits --customer-id $customer --issuer crm
  tributary segment members gone-quiet
  tributary verify                  # all projections against the log, applied anew
  tributary tasks
  kill $server                      # ends it in good order; then
  rm -r "$work"
END
else
  cat <<END
The demo removes its data now; KEEP=1 make demo leaves the server running, to look around.
A server of your own, on ./data, and a second terminal for its command line:
  make run
  export PATH="$(dirname "$BINARY"):\$PATH"
  tributary --help
END
fi
