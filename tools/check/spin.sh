#!/usr/bin/env bash
# Checks the Promela models of docs/spec with spin: the sound protocol must
# hold in every state, and each broken variant must fail by the claim that is
# meant to catch it. One line per run; exits 1 if any is not as expected.
#
# Needs spin and a C compiler (CC, default cc); at most 2 GB and one core.
set -euo pipefail

spec=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docs/spec" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# search MODEL [-DX...]: leaves spin's report in $work/report.
search() {
  local model=$1
  shift
  (
    cd "$work"
    rm -f pan pan.*
    spin -a "$@" "$spec/$model.pml"
    "${CC:-cc}" -O2 -w -DSAFETY -DMEMLIM=1900 -o pan pan.c
    ./pan -m2000
  ) >"$work/report" 2>&1 || true
}

# run NAME EXPECTED MODEL [-DX...]: EXPECTED is "holds", or the claim that must fail.
run() {
  local name=$1 expected=$2 actual states start=$SECONDS
  shift 2
  search "$@"
  states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/report")
  actual=$(sed -n 's/^pan:[0-9]*: assertion violated \(.*\) (at depth.*/\1/p' "$work/report")
  if [[ -z $actual ]]; then
    if ! grep -q 'errors: 0' "$work/report"; then
      actual="no result"
    elif grep -Eq 'not completed|MEMLIM|out of memory|max search depth too small' "$work/report"; then
      actual="search not completed"
    else
      actual=holds
    fi
  fi
  local verdict=ok
  if [[ $actual != "$expected" ]]; then
    verdict=WRONG
    failed=1
  fi
  printf '%-5s %-28s expected: %-30s actual: %-30s %9s states %3ss\n' \
    "$verdict" "$name" "$expected" "$actual" "${states:--}" $((SECONDS - start))
  if [[ $actual == "no result" ]]; then tail -n 5 "$work/report" >&2; fi
}

# Each configuration keeps the part of the world that its question needs.
command=(-DOTHERS=0 -DTIMERS=0)
timer=(-DOTHERS=0 -DCOMMANDS=0)
chains=(-DCOMMANDS=0 -DTIMERS=0)
effect=(-DREQUESTS=0)
request=(-DEFFECTS=0)

run task/command holds task "${command[@]}"
run task/command-retried holds task "${command[@]}" -DFACTS=1 -DLOG=5 -DCOMMANDS=2
run task/timer holds task "${timer[@]}"
run task/other-chain holds task "${chains[@]}"
run task/alone-two-crashes holds task -DDECIDERS=1 -DCRASHES=2
run task/alone-long holds task -DDECIDERS=1 -DCRASHES=2 -DLOG=7 -DBATCHES=4 "${command[@]}"
run relay holds relay
run effects/no-key holds effects "${effect[@]}"
run effects/key holds effects "${effect[@]}" -DKEYED=1 -DBATCHES=4
run replies holds effects "${request[@]}"

run NO_CAS each_fact_decided_once task -DNO_CAS -DONLY=1 "${command[@]}"
run COMMIT_BEFORE_READBACK commit_equals_replay task -DCOMMIT_BEFORE_READBACK -DONLY=4 "${command[@]}"
run FACTS_COMMITTED_AHEAD/C1 decided_with_the_chains_view task -DFACTS_COMMITTED_AHEAD -DONLY=2 "${command[@]}"
run FACTS_COMMITTED_AHEAD/C2 decided_with_the_chains_view \
  task -DFACTS_COMMITTED_AHEAD -DONLY=2 -DDECIDERS=1 "${command[@]}"
run TIMERS_OUTSIDE_OVERLAY commands_and_timers_once task -DTIMERS_OUTSIDE_OVERLAY -DONLY=3 "${timer[@]}"
run C3 no_fact_forgotten task -DC3 -DONLY=5 "${command[@]}"
run C9 each_fact_decided_once task -DC9 -DONLY=1 "${command[@]}"
run C10 no_fact_forgotten task -DC10 -DONLY=5 "${chains[@]}"
run OWN_BY_NAME commit_equals_replay task -DOWN_BY_NAME -DONLY=4 "${command[@]}"
run VOID_OWN_KEPT no_wait_for_a_void_batch task -DVOID_OWN_KEPT -DONLY=6 "${command[@]}"
run HIGH_WATER_MARK applied_in_order_without_hole relay -DHIGH_WATER_MARK -DONLY=1
run POSITION_HIGHEST_ACK/C5 position_not_beyond_the_target relay -DPOSITION_HIGHEST_ACK -DONLY=2
run LATE_ACK/C5 position_not_beyond_the_target relay -DLATE_ACK -DONLY=2
run REORDERED_SESSION/C5 position_not_beyond_the_target relay -DREORDERED_SESSION -DONLY=2
run C4 whole_session_delivers_all relay -DC4 -DONLY=4
run C6 whole_session_delivers_all relay -DC6 -DONLY=4
run C7 one_call_per_claim effects -DC7 -DONLY=1 "${effect[@]}"
run EARLY_CALL only_the_claimant_calls effects -DEARLY_CALL -DONLY=2 "${effect[@]}"
run EARLY_REPLY/C8 one_answer effects -DEARLY_REPLY -DONLY=4 "${request[@]}"
run C8 one_answer effects -DC8 -DONLY=4 "${request[@]}"

exit $failed
