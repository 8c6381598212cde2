# What the demos share; sourced, from the top of the source tree, after BINARY is set. Starts no server and prints
# nothing by itself. Whoever sources it gets a folder `work` of its own that is removed at the end, and the server,
# once start_server was called, ended in good order.
# shellcheck shell=bash

if [[ ! -x $BINARY ]]; then
  echo "demo: there is no $BINARY; \`make demo\` builds it" >&2
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

# Long lines in 80 columns, what is carried over below the text of an entry.
wrap() {
  python3 -c '
import sys, textwrap
for line in sys.stdin.read().splitlines():
    print(textwrap.fill(line, 80, subsequent_indent=" " * 22, break_long_words=False, break_on_hyphens=False,
                        drop_whitespace=True, replace_whitespace=False))'
}

# Ports are any free ones: others may have the usual. $@: more flags of `serve`.
start_server() {
  "$BINARY" serve --json --data-dir "$work/data" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 "$@" \
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

# $@: sources, each with the channel that its events come by, as SOURCE:CHANNEL.
create_sources() {
  local source
  for source in "$@"; do
    tributary source create "${source%%:*}" --channel "${source##*:}" >/dev/null 2>"$work/errors" ||
      { cat "$work/errors" >&2 && exit 1; }
  done
}

# The page at $1 into the file $2, by bash alone: a bare machine has no curl.
fetch_metrics() {
  local authority=${1#http://}
  authority=${authority%%/*}
  exec 3<>"/dev/tcp/${authority%:*}/${authority##*:}"
  printf 'GET /metrics HTTP/1.0\r\nHost: %s\r\n\r\n' "$authority" >&3
  cat <&3 >"$2"
  exec 3>&-
}
