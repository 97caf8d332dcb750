# shellcheck shell=bash
# One broker of dev/kafka: its files in $dir, its configuration, its process, whether it serves.
# Broker N has broker-N.state (ports), .properties, .pid and .log, and its data in data-N.

value() { # KEY FILE: the value of a line KEY=VALUE
  sed -n "s/^$1=//p" "$2"
}

broker_port() { # N
  value port "$dir/broker-$1.state"
}

broker_pid() { # N: the pid, if that process is still this broker
  local pid
  pid=$(cat "$dir/broker-$1.pid" 2>/dev/null) || return 1
  case $(ps -o args= -p "$pid" 2>/dev/null) in
    *"$dir/broker-$1.properties"*) echo "$pid" ;;
    *) return 1 ;;
  esac
}

brokers() { # 1 2 .. N
  local n
  n=$(value brokers "$dir/cluster") && seq 1 "$n"
}

bootstrap() {
  local n list=
  for n in $(brokers); do list=$list,127.0.0.1:$(broker_port "$n"); done
  echo "${list#,}"
}

# Writes the configuration of broker N. The cluster's ports must be chosen already.
configure() { # N BROKERS VOTERS
  local replicas=$2 in_sync=$(($2 > 1 ? 2 : 1)) client control
  client=127.0.0.1:$(broker_port "$1")
  control=127.0.0.1:$(value controller "$dir/broker-$1.state")
  cat >"$dir/broker-$1.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$1
listeners=PLAINTEXT://$client,CONTROLLER://$control
advertised.listeners=PLAINTEXT://$client
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters=$3
log.dirs=$dir/data-$1
num.partitions=6
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=12
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=12
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=12
# A group of one is assigned at once instead of after three seconds.
group.initial.rebalance.delay.ms=0
# A killed broker may register again only once its session is over; Kafka's own 9 s is long.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
PROPERTIES
  [ ${#sets[@]} -eq 0 ] || printf '%s\n' "${sets[@]}" >>"$dir/broker-$1.properties"
}

log_settings() {
  cat >"$dir/log4j2.properties" <<'PROPERTIES'
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %m (%c{1})%n
PROPERTIES
}

# A short-lived Java program; the first compiler tier alone starts faster.
java_tool() {
  java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.level=ERROR -cp "$libs/*" "$@"
}

format_broker() { # N CLUSTER_ID
  [ -e "$dir/data-$1/meta.properties" ] && return
  java_tool kafka.tools.StorageTool format "--cluster-id=$2" \
    --config "$dir/broker-$1.properties" </dev/null >"$dir/format-$1.log" 2>&1 ||
    { tail -3 "$dir/format-$1.log" >&2; return 1; }
}

# Kafka's own collector settings. Descriptor 9 is the supervisor's lifeline: see `run`.
launch() { # N
  local heap=${KBENCH_KAFKA_HEAP:-1g}
  java -server "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
    -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent \
    -Djava.awt.headless=true "-Dlog4j2.configurationFile=$dir/log4j2.properties" \
    -cp "$libs/*" kafka.Kafka "$dir/broker-$1.properties" \
    </dev/null >>"$dir/broker-$1.log" 2>&1 9>&- &
  echo $! >"$dir/broker-$1.pid"
  # The shell need not tell on stderr that a broker was killed: that is what it is for.
  disown
}

# Whether anybody listens on PORT.
is_taken() { # PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Asks the broker at PORT for its metadata: prints how many live brokers it knows, and then what
# can be printed of its answer, a line for each part; the id of its cluster is one of them.
metadata() { # PORT
  (
    exec 2>/dev/null
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf '\0\0\0\016\0\003\0\002\0\0\0\001\377\377\0\0\0\0' >&3
    # The answer: its length in four bytes, the correlation number, the count of brokers, the rest.
    local byte number i length=4 size=0 count=0 text=
    for ((i = 0; i < length; i++)); do
      IFS= read -r -d '' -n 1 -t 2 byte <&3 || exit 1
      printf -v number '%d' "'${byte:-}"
      number=$((number & 255))
      if ((i < 4)); then
        size=$((size * 256 + number))
        # Whoever is no broker says anything.
        if ((i == 3)); then ((size < 65536)) || exit 1; length=$((size + 4)); fi
      elif ((i >= 8 && i < 12)); then
        count=$((count * 256 + number))
      elif [[ $byte == [[:print:]] ]]; then
        text+=$byte
      else
        text+=$'\n'
      fi
    done
    printf '%d\n%s\n' "$count" "$text"
  )
}

# Until broker N knows so many live ones. A broker that answers on its port and is not of this
# cluster was there before: ours can't have that port, and nobody may take the other for it.
await_ready() { # N BROKERS; sets `why` where it fails
  local deadline=$((SECONDS + 60)) port id answer
  port=$(broker_port "$1")
  id=$(value cluster.id "$dir/data-$1/meta.properties")
  while :; do
    if [ ! -d "$dir" ]; then return 1; fi
    if answer=$(metadata "$port"); then
      if [ -z "$id" ] || ! grep -qxF -e "$id" <<<"$answer"; then
        why="a broker of another cluster answers on port $port; expected broker $1 of cluster $id"
        return 1
      fi
      [ "${answer%%$'\n'*}" -ge "$2" ] && return
    fi
    if ! kill -0 "$(cat "$dir/broker-$1.pid")" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
      printf 'dev/kafka: broker %s is not ready; the end of its log:\n' "$1" >&2
      grep -E 'ERROR|Exception|in use' "$dir/broker-$1.log" | tail -5 | cut -c1-300 >&2
      return 1
    fi
    sleep 0.05
  done
}
