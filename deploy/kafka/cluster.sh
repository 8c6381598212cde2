#!/usr/bin/env bash
# A Kafka of one broker or three on this machine, without containers, for development and tests. `--help` says how.
#
# Each broker is a controller too (KRaft). All that a cluster has is below build/kafka/NAME: `cluster` (brokers, first
# port, id), and for each broker N its settings, data, log and pid below N/. The jars in build/kafka/libs are shared.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly KAFKA=$PWD/build/kafka
readonly LIBS=$KAFKA/libs
readonly POM=deploy/kafka/pom.xml
# Bounds of waiting. A broker is up in 2 s and down in 1 s when the machine is idle; in CI it is not.
readonly START_SECONDS=120 STOP_SECONDS=30 LOCK_SECONDS=240

usage() {
  cat <<'END'
usage: deploy/kafka/cluster.sh COMMAND [--name NAME] [options]

  up        start the cluster, or what of it does not run, and wait until every broker answers
              --brokers 1|3  how many, when the cluster is new (default: 1)
              --port PORT    the first of its ports, when none of its brokers runs
  down      stop the cluster; the data stays for the next `up`
              --data         remove the cluster with its data and logs
  status    show the brokers; fails unless all of them answer
  servers   print the bootstrap servers, as clients want them
  start N   start broker N and wait until it answers
  stop N    stop broker N in good order
  kill N    kill -9 broker N
  topics    run Kafka's tool for topics with the arguments that follow, e.g. --list
  groups    run Kafka's tool for consumer groups, e.g. --describe --all-groups

NAME is `dev` if not given. Clusters of different names run side by side. Broker N of `dev` listens on 127.0.0.1, port
19190 + 2N for clients and 19191 + 2N for controllers; another name has ports of its own, from 20000 to 30000, by name
and checkout. Needs a Java 17 runtime and, once, Maven: tools/bootstrap.sh kafka.
END
}

say() { printf 'kafka: %s\n' "$*"; }
fail() {
  printf 'kafka: %s\n' "$*" >&2
  exit 1
}
misused() {
  printf 'kafka: %s; see deploy/kafka/cluster.sh --help\n' "$*" >&2
  exit 2
}

client_port() { echo $((port + 2 * ($1 - 1))); }
controller_port() { echo $((port + 2 * ($1 - 1) + 1)); }
settings_of() { echo "$directory/$1/server.properties"; }
log_of() { echo "$directory/$1/broker.log"; }

# The other cluster's ports are below those that Linux hands out by itself (32768 and up).
default_port() {
  if [[ $name == dev ]]; then
    echo 19192
  else
    local sum
    sum=$(cksum <<<"$directory")
    echo $((20000 + ${sum%% *} % 1000 * 10))
  fi
}

servers() {
  local n list=
  for ((n = 1; n <= brokers; n++)); do list+=,127.0.0.1:$(client_port "$n"); done
  echo "${list#,}"
}

# Sets brokers, port and id of a cluster that exists; returns 1 if there is none.
load() { [[ -f $directory/cluster ]] && read -r brokers port id <"$directory/cluster"; }

require() { load || fail "there is no cluster $name; \`deploy/kafka/cluster.sh up${option_name}\` makes it"; }

# One writer at a time to a cluster's folder.
lock() {
  mkdir -p "$KAFKA"
  exec 9>"$KAFKA/.$name.lock"
  flock -w "$LOCK_SECONDS" 9 || fail "another call has had the lock of cluster $name for $LOCK_SECONDS s"
}

# Fetches the jars unless those of this pom are here. They appear at once or not at all.
fetch() {
  exec 8>"$KAFKA/.libs.lock"
  flock -w "$LOCK_SECONDS" 8 || fail "another call has been fetching jars for $LOCK_SECONDS s"
  if ! cmp -s "$POM" "$LIBS/pom.xml"; then
    command -v mvn >/dev/null || fail 'mvn is missing, and the jars are not here: run tools/bootstrap.sh kafka'
    say "fetching Kafka's jars with Maven (54 MB)"
    local log=$KAFKA/maven.log
    rm -rf "$LIBS" "$LIBS.new"
    if ! mvn -q -B --strict-checksums -f "$POM" dependency:copy-dependencies -DoutputDirectory="$LIBS.new" \
      >"$log" 2>&1 8>&- 9>&-; then
      tail -n 15 "$log" >&2
      fail "Maven could not fetch Kafka's jars; all that it said is in $log"
    fi
    cp "$POM" "$LIBS.new/"
    mv "$LIBS.new" "$LIBS"
  fi
  exec 8>&-
}

# Runs the Java class $1 of Kafka's tools with the arguments that follow; of its own log, errors only.
tool() {
  java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
    -cp "$LIBS/*" "$@" 9>&-
}

# True if broker $1 runs; its pid is then in $pid. A number that went to another process since is not taken for it.
running() {
  pid=$(cat "$directory/$1/pid" 2>/dev/null) && [[ -n $pid ]] &&
    grep -qzxF -- "$(settings_of "$1")" "/proc/$pid/cmdline" 2>/dev/null
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints the numbers of the brokers that answer a client; they are then in the cluster's metadata and not fenced.
answering() {
  # shellcheck disable=SC2016  # the dollar is sed's
  tool org.apache.kafka.tools.BrokerApiVersionsCommand --bootstrap-server "$(servers)" 2>/dev/null |
    sed -nE 's/^[^ ]+ \(id: ([0-9]+) .*\) -> \($/\1/p' || true
}

write_settings() {
  local n=$1 i voters='' in_sync=1
  if ((brokers == 3)); then in_sync=2; fi
  for ((i = 1; i <= brokers; i++)); do voters+=,$i@127.0.0.1:$(controller_port "$i"); done
  mkdir -p "$directory/$n"
  cat >"$(settings_of "$n")" <<END
# Written by deploy/kafka/cluster.sh at every start of the broker.
process.roles=broker,controller
node.id=$n
controller.quorum.voters=${voters#,}
listeners=PLAINTEXT://127.0.0.1:$(client_port "$n"),CONTROLLER://127.0.0.1:$(controller_port "$n")
advertised.listeners=PLAINTEXT://127.0.0.1:$(client_port "$n")
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$directory/$n/data

# What is acknowledged stays, once on one broker, on two of three at least.
default.replication.factor=$brokers
offsets.topic.replication.factor=$brokers
transaction.state.log.replication.factor=$brokers
transaction.state.log.min.isr=$in_sync
min.insync.replicas=$in_sync
unclean.leader.election.enable=false
log.retention.ms=-1
log.message.timestamp.type=LogAppendTime
auto.create.topics.enable=false
# A value of 1 MiB with its key and headers.
message.max.bytes=1310720

# Tests do not wait: a killed broker's partitions find another leader after 3 s, a group begins at once.
broker.session.timeout.ms=3000
group.initial.rebalance.delay.ms=0
# A busy machine needs longer than the usual minute.
initial.broker.registration.timeout.ms=$((START_SECONDS * 1000))
END
}

# Starts broker $1, which does not run, and does not wait for it.
launch() {
  local n=$1 p heap=512m
  if ((brokers == 3)); then heap=384m; fi
  for p in "$(client_port "$n")" "$(controller_port "$n")"; do
    if listening "$p"; then
      give_up "port $p of 127.0.0.1, which broker $n needs, is taken by another program (a cluster of another" \
        "checkout?); --port PORT gives this cluster others"
    fi
  done
  write_settings "$n"
  if [[ -f $(log_of "$n") ]]; then mv "$(log_of "$n")" "$(log_of "$n").before"; fi
  if [[ ! -f $directory/$n/data/meta.properties ]]; then
    tool kafka.tools.StorageTool format -t "$id" -c "$(settings_of "$n")" >"$(log_of "$n")" 2>&1 ||
      give_up_on "$n" 'could not format its storage'
  fi
  setsid java -Xms256m -Xmx"$heap" -Djava.awt.headless=true -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.dateTimeFormat='yyyy-MM-dd HH:mm:ss.SSS' \
    -cp "$LIBS/*" kafka.Kafka "$(settings_of "$n")" </dev/null >>"$(log_of "$n")" 2>&1 9>&- &
  echo $! >"$directory/$n/pid"
  launched+=("$n")
}

# Says why and stops what this call launched.
give_up() {
  printf 'kafka: %s\n' "$*" >&2
  if ((${#launched[@]} > 0)); then terminate "${launched[@]}" >&2; fi
  exit 1
}
give_up_on() {
  # What a broker says while it stops would hide why it does.
  printf 'kafka: the first errors and the last lines of %s:\n' "$(log_of "$1")" >&2
  { grep -E -m 3 -A 3 ' ERROR |Exception' "$(log_of "$1")" || true; } | cut -c 1-300 >&2
  echo ... >&2
  tail -n 8 "$(log_of "$1")" | cut -c 1-300 >&2
  give_up "broker $1 of cluster $name $2"
}

# Waits until the brokers $@ answer a client.
await() {
  local n answers deadline=$((SECONDS + START_SECONDS))
  # A client is a process of Java's: it is worth asking once the ports are open.
  for n in "$@"; do
    until listening "$(client_port "$n")"; do
      running "$n" || give_up_on "$n" 'ended while it started'
      ((SECONDS < deadline)) || give_up_on "$n" "did not open its port within $START_SECONDS s"
      sleep 0.1
    done
  done
  while true; do
    answers=$(answering)
    for n in "$@"; do
      grep -qx "$n" <<<"$answers" && continue
      running "$n" || give_up_on "$n" 'ended while it started'
      ((SECONDS < deadline)) || give_up_on "$n" "did not answer within $START_SECONDS s"
      sleep 0.1
      continue 2
    done
    return
  done
}

# Stops the brokers $@, all at the same time: the last of a quorum could not leave it in good order.
terminate() {
  local n deadline=$((SECONDS + STOP_SECONDS))
  local -A pids=()
  for n in "$@"; do
    if running "$n"; then
      pids[$n]=$pid
      kill -TERM "$pid" 2>/dev/null || true
    fi
  done
  for n in "${!pids[@]}"; do
    while running "$n" && ((SECONDS < deadline)); do sleep 0.1; done
    if running "$n"; then
      kill -KILL "$pid" 2>/dev/null || true
      while running "$n"; do sleep 0.1; done
      say "broker $n of cluster $name had not stopped after $STOP_SECONDS s and was killed"
    else
      say "broker $n of cluster $name stopped"
    fi
    rm -f "$directory/$n/pid"
  done
}

up() {
  local began=$SECONDS n todo=()
  command -v java >/dev/null || fail 'java is missing: run tools/bootstrap.sh kafka'
  lock
  fetch
  if load; then
    if [[ -n $wanted_brokers && $wanted_brokers != "$brokers" ]]; then
      fail "cluster $name has $brokers broker(s), and its data is laid out for that; \`down --data\` removes it"
    fi
  else
    brokers=${wanted_brokers:-1}
    port=$(default_port)
    id=$(tool kafka.tools.StorageTool random-uuid)
  fi
  for ((n = 1; n <= brokers; n++)); do
    if ! running "$n"; then todo+=("$n"); fi
  done
  if [[ -n $wanted_port && $wanted_port != "$port" ]]; then
    ((${#todo[@]} == brokers)) || fail "cluster $name runs on port $port; stop it before you give it others"
    port=$wanted_port
  fi
  mkdir -p "$directory"
  echo "$brokers $port $id" >"$directory/cluster"
  for n in "${todo[@]}"; do launch "$n"; done
  await $(seq "$brokers")
  if ((${#todo[@]} == 0)); then
    say "cluster $name runs already"
  else
    say "cluster $name is up after $((SECONDS - began)) s: $brokers broker(s)"
  fi
  cat <<END
  servers  $(servers)
  topics   deploy/kafka/cluster.sh topics$option_name --list
  groups   deploy/kafka/cluster.sh groups$option_name --describe --all-groups
  stop     deploy/kafka/cluster.sh down$option_name
  files    build/kafka/$name: settings, data, log (N/broker.log) and pid of each broker
END
}

down() {
  local n any=
  lock
  load || { say "there is no cluster $name" && return; }
  for ((n = 1; n <= brokers; n++)); do
    if running "$n"; then any=1; fi
  done
  if [[ -z $any ]]; then say "cluster $name does not run"; fi
  terminate $(seq "$brokers")
  if [[ -n $remove_data ]]; then
    rm -rf "$directory"
    say "cluster $name is removed with its data"
  fi
}

status() {
  local n state answers='' ok=1
  require
  for ((n = 1; n <= brokers; n++)); do
    if running "$n"; then
      answers=$(answering)
      break
    fi
  done
  for ((n = 1; n <= brokers; n++)); do
    if ! running "$n"; then
      state='does not run' ok=
    elif grep -qx "$n" <<<"$answers"; then
      state="answers, pid $pid, $(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status") MB"
    else
      state="runs and does not answer, pid $pid" ok=
    fi
    printf 'broker %s  127.0.0.1:%s  %s\n' "$n" "$(client_port "$n")" "$state"
  done
  [[ -n $ok ]]
}

# start, stop and kill of one broker.
one() {
  local command=$1 n=$2
  lock
  require
  [[ $n =~ ^[1-9]$ && $n -le $brokers ]] || misused "cluster $name has the brokers 1 to $brokers, and no \"$n\""
  if [[ $command == start ]]; then
    if running "$n"; then
      say "broker $n of cluster $name runs already"
    else
      launch "$n"
      await "$n"
      say "broker $n of cluster $name is up"
    fi
  elif ! running "$n"; then
    say "broker $n of cluster $name does not run"
  elif [[ $command == stop ]]; then
    terminate "$n"
  else
    kill -KILL "$pid"
    while running "$n"; do sleep 0.01; done
    rm -f "$directory/$n/pid"
    say "broker $n of cluster $name was killed"
  fi
}

name=dev wanted_brokers='' wanted_port='' remove_data='' number=''
command=${1:-}
if [[ $# -gt 0 ]]; then shift; fi
case $command in
  -h | --help) usage && exit ;;
  up | down | status | servers | start | stop | kill | topics | groups) ;;
  '') misused 'a command is missing' ;;
  *) misused "there is no command \"$command\"" ;;
esac
if [[ $command == start || $command == stop || $command == kill ]]; then
  [[ $# -gt 0 ]] || misused "$command wants the number of a broker"
  number=$1
  shift
fi
while [[ $# -gt 0 ]]; do
  case "$command $1" in
    *' --name' | 'up --brokers' | 'up --port') [[ $# -gt 1 ]] || misused "$1 wants a value" ;;&
    *' --name') name=$2 && shift 2 ;;
    'up --brokers') wanted_brokers=$2 && shift 2 ;;
    'up --port') wanted_port=$2 && shift 2 ;;
    'down --data') remove_data=1 && shift ;;
    topics* | groups*) break ;;  # the tool's own from here
    *' -h' | *' --help') usage && exit ;;
    *) misused "$command has no option \"$1\"" ;;
  esac
done
[[ $name =~ ^[a-z][a-z0-9-]{0,31}$ && $name != libs ]] ||
  misused "\"$name\" is no name: small letters, digits and \"-\", at most 32, a letter first, and not \"libs\""
[[ $wanted_brokers =~ ^[13]?$ ]] || misused "--brokers is 1 or 3, not \"$wanted_brokers\""
[[ -z $wanted_port || ($wanted_port =~ ^[1-9][0-9]{3,4}$ && $wanted_port -le 65000) ]] ||
  misused "--port is a number from 1000 to 65000, not \"$wanted_port\""

readonly directory=$KAFKA/$name
option_name=
if [[ $name != dev ]]; then option_name=" --name $name"; fi
brokers='' port='' id='' pid='' launched=()

case $command in
  up) up ;;
  down) down ;;
  status) status ;;
  servers) require && servers ;;
  start | stop | kill) one "$command" "$number" ;;
  topics) require && tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$(servers)" "$@" ;;
  groups)
    require && tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$(servers)" "$@"
    ;;
esac
