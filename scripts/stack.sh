#!/usr/bin/env bash
# The reference service on real parts: a private PostgreSQL, Redis and nginx with the files of config/, and the service
# between them. Everything is on free ports of 127.0.0.1, and its files are in .stack (another folder: AGENTHUB_PERF_STACK).
#   scripts/stack.sh up [--seed-rows N] [-- SERVE FLAGS]   start it, with N tasks (20000), e.g. -- --without indexes,cache
#   scripts/stack.sh status                                what runs, and where
#   scripts/stack.sh down                                  end what was started, and remove its files
# The service is AGENTHUB_PERF_BIN, else target/release/agenthub-perf, which is built where it is missing.
# Needs Debian's postgresql, redis-server and nginx. No network.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
stack=${AGENTHUB_PERF_STACK:-$root/.stack}
case $stack in /*) ;; *) stack=$PWD/$stack ;; esac
toml=$stack/agenthub-perf.toml
# In the order in which they start. They end in the reverse order.
parts=(postgres redis service nginx)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
usage() { say "usage: scripts/stack.sh up [--seed-rows N] [-- SERVE FLAGS] | down | status"; exit 2; }

# ── processes: .stack/NAME.pid holds a pid and when that process started, so that no other is ever taken for it

started_at() {
  if [ -r "/proc/$1/stat" ]; then
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1" 2>/dev/null || true
  fi
}

pid_of() { cut -d ' ' -f 1 "$stack/$1.pid" 2>/dev/null; }

alive() {
  local pid since
  [ -f "$stack/$1.pid" ] || return 1
  read -r pid since <"$stack/$1.pid" || return 1
  [ -n "$since" ] && [ "$(started_at "$pid")" = "$since" ]
}

# start NAME COMMAND…: in the background, beyond the end of this script and of the terminal.
start() {
  local name=$1
  shift
  nohup "$@" </dev/null >"$stack/$name.log" 2>&1 &
  printf '%s %s\n' "$!" "$(started_at "$!")" >"$stack/$name.pid"
}

# wait_for NAME SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || failed "$name did not start"
    [ "$SECONDS" -lt "$deadline" ] || failed "$name did not answer in time"
    sleep 0.05
  done
}

failed() {
  say "error: $1; the end of $stack/${1%% *}.log:"
  tail -n 20 "$stack/${1%% *}.log" >&2 || true
  exit 1
}

stop() {
  local name=$1 pid signal=TERM deadline
  alive "$name" || return 0
  pid=$(pid_of "$name")
  # INT: without waiting for clients.
  [ "$name" != postgres ] || signal=INT
  kill -s "$signal" "$pid" 2>/dev/null || true
  deadline=$((SECONDS + 30))
  while alive "$name"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      # Of PostgreSQL, QUIT ends the children too; KILL would leave them.
      if [ "$name" = postgres ]; then kill -s QUIT "$pid" || true; else kill -s KILL "$pid" || true; fi
      deadline=$((SECONDS + 30))
    fi
    sleep 0.05
  done
}

stop_all() {
  local index
  for ((index = ${#parts[@]} - 1; index >= 0; index--)); do stop "${parts[index]}"; done
}

# ── ports

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range from which the system takes ports for connections that go out.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    listening "$port" || { echo "$port"; return; }
  done
}

# answers PORT PATH: with status 200.
answers() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
    read -r -t 5 line <&3
    [[ $line == *" 200 "* ]]
  )
}

redis_answers() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'PING\r\n' >&3
    read -r -t 5 line <&3
    [[ $line == +PONG* ]]
  )
}

# ── programs

# The newest server's folder: Debian keeps its programs out of the search path.
postgres_bin() {
  local newest
  newest=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  if [ -n "$newest" ]; then
    echo "$newest"
  elif command -v pg_config >/dev/null && [ -x "$(pg_config --bindir)/initdb" ]; then
    pg_config --bindir
  elif command -v initdb >/dev/null; then
    dirname "$(command -v initdb)"
  fi
}

need_programs() {
  local missing=()
  pgbin=$(postgres_bin)
  [ -n "$pgbin" ] || missing+=(postgresql)
  command -v redis-server >/dev/null || missing+=(redis-server)
  nginx=$(command -v nginx || true)
  [ -n "$nginx" ] || { [ ! -x /usr/sbin/nginx ] || nginx=/usr/sbin/nginx; }
  [ -n "$nginx" ] || missing+=(nginx)
  [ "${#missing[@]}" = 0 ] || die "missing: ${missing[*]} (Debian: apt-get install ${missing[*]})"
}

service_binary() {
  bin=${AGENTHUB_PERF_BIN:-}
  if [ -n "$bin" ]; then
    [ -x "$bin" ] || die "AGENTHUB_PERF_BIN=$bin is not a program"
    return
  fi
  bin=$root/target/release/agenthub-perf
  [ -x "$bin" ] || (cd "$root" && say "building $bin" && cargo build --release --locked >&2)
}

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi; }

secret() { od -An -N 16 -t x1 /dev/urandom | tr -d ' \n'; }

# ── up

start_postgres() {
  local data=$stack/postgres word
  mkdir "$data"
  word=$(secret)
  printf '%s\n' "$word" >"$stack/password"
  if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || die "there is no user postgres to run PostgreSQL as, and it refuses to run as root"
    chown postgres: "$data" "$stack/password"
    (cd / && as_postgres test -x "$stack") ||
      die "the user postgres cannot reach $stack: name another folder with AGENTHUB_PERF_STACK=/tmp/agenthub-stack"
  fi
  (cd / && as_postgres "$pgbin/initdb" -D "$data" -N -U postgres -E UTF8 --locale=C --auth=scram-sha-256 \
    --pwfile="$stack/password") >"$stack/postgres.log" 2>&1 || failed "postgres cannot be set up"
  rm "$stack/password"
  # For what only the superuser may change; nobody else can read it.
  printf 'postgres://postgres:%s@127.0.0.1:%s/agenthub\n' "$word" "$postgres_port" >"$stack/superuser.url"
  cat "$root/config/postgres/postgresql.conf" >"$data/postgresql.conf"
  local server=("$pgbin/postgres" -D "$data" -p "$postgres_port" -c listen_addresses=127.0.0.1 -c unix_socket_directories=)
  if [ "$(id -u)" = 0 ]; then server=(setpriv --reuid=postgres --regid=postgres --init-groups "${server[@]}"); fi
  (cd / && start postgres "${server[@]}")
  wait_for postgres 60 env PGPASSWORD="$word" "$pgbin/psql" -X -h 127.0.0.1 -p "$postgres_port" -U postgres -c 'select 1' postgres
  PGPASSWORD=$word AGENTHUB_PASSWORD=$service_password AGENTHUB_MONITOR_PASSWORD=$monitor_password \
    "$pgbin/psql" -X -q -h 127.0.0.1 -p "$postgres_port" -U postgres -f "$root/config/postgres/setup.sql" postgres \
    >>"$stack/postgres.log" 2>&1 || failed "postgres cannot be set up"
}

start_redis() {
  mkdir "$stack/redis"
  start redis redis-server "$root/config/redis/redis.conf" --port "$redis_port" --dir "$stack/redis"
  wait_for redis 60 redis_answers "$redis_port"
}

start_service() {
  # In its environment, where the list of processes does not show them.
  AGENTHUB_PERF_SERVE_DATABASE=postgres://agenthub:$service_password@127.0.0.1:$postgres_port/agenthub \
    AGENTHUB_PERF_SERVE_REDIS=redis://127.0.0.1:$redis_port \
    start service "$bin" serve --port "$service_port" --seed-rows "$seed_rows" "$@"
  # Many rows take their time.
  wait_for service 3600 answers "$service_port" /api/v2/health
}

start_nginx() {
  local folder=$stack/nginx user=
  mkdir "$folder"
  sed -e "s|\${AGENTHUB_LISTEN}|127.0.0.1:$nginx_port|" -e "s|\${AGENTHUB_UPSTREAM}|127.0.0.1:$service_port|" \
    -e "s|\${AGENTHUB_FOLDER}|$folder|" -e "s|\${AGENTHUB_STATUS_FROM}|127.0.0.1|" "$root/config/nginx/nginx.conf.template" >"$folder/nginx.conf"
  # Its workers would else be a user who cannot reach the folder.
  if [ "$(id -u)" = 0 ]; then user='user root;'; fi
  start nginx "$nginx" -c "$folder/nginx.conf" -g "daemon off; $user"
  wait_for nginx 60 answers "$nginx_port" /api/v2/health
}

write_toml() {
  cat >"$toml" <<TOML
# Written by scripts/stack.sh up.
host = "http://127.0.0.1:$nginx_port"

[check]
nginx_config = "$stack/nginx/nginx.conf"

[observe]
postgres = "postgres://agenthub_monitor:$monitor_password@127.0.0.1:$postgres_port/agenthub"
redis = "redis://127.0.0.1:$redis_port"
nginx = "http://127.0.0.1:$nginx_port/nginx_status"
metrics = "http://127.0.0.1:$service_port/metrics"
process = ["agenthub-perf=$(pid_of service)", "postgres=$(pid_of postgres)", "redis=$(pid_of redis)", "nginx=$(pid_of nginx)"]
TOML
}

# How its settings are changed; the password stays in the file.
superuser() { say "superuser: psql \"\$(cat ${stack#"$PWD"/}/superuser.url)\""; }

next() { echo "agenthub-perf run --config ${toml#"$PWD"/}"; }

how_many_up() {
  local name count=0
  for name in "${parts[@]}"; do if alive "$name"; then count=$((count + 1)); fi; done
  echo "$count"
}

up() {
  seed_rows=20000
  while [ $# -gt 0 ]; do
    case $1 in
      --seed-rows) [ $# -ge 2 ] || usage; seed_rows=$2; shift 2 ;;
      --seed-rows=*) seed_rows=${1#*=}; shift ;;
      --) shift; break ;;
      *) say "error: $1 is not known here: flags of serve stand behind --"; usage ;;
    esac
  done
  [[ $seed_rows =~ ^[0-9]+$ ]] || { say "error: --seed-rows $seed_rows is not a number"; usage; }

  if [ -e "$stack" ]; then
    [ -f "$stack/ports" ] || die "$stack is there, and is none of ours: name another folder with AGENTHUB_PERF_STACK"
    case $(how_many_up) in
      "${#parts[@]}") say "it is up already:"; status; superuser; next; return ;;
      0) say "removing what an earlier stack left"; rm -rf "$stack" ;;
      *) status || true; die "it is half up: scripts/stack.sh down, then up" ;;
    esac
  fi
  need_programs
  service_binary

  umask 077
  # Others may pass, PostgreSQL's user among them; nobody else can read what is in it.
  mkdir "$stack"
  chmod 711 "$stack"
  postgres_port=$(free_port) redis_port=$(free_port) service_port=$(free_port) nginx_port=$(free_port)
  printf '%s\n' "postgres $postgres_port" "redis $redis_port" "service $service_port" "nginx $nginx_port" >"$stack/ports"
  service_password=$(secret) monitor_password=$(secret)
  trap 'stop_all; say "stopped; the logs are in $stack until the next up or down"' EXIT
  trap 'exit 130' INT TERM
  start_postgres
  start_redis
  start_service "$@"
  start_nginx
  write_toml
  trap - EXIT INT TERM
  status
  superuser
  next
}

# ── down, status

down() {
  if [ ! -e "$stack" ]; then
    say "it is not up"
    return
  fi
  [ -f "$stack/ports" ] || die "$stack is none of ours: nothing is removed"
  stop_all
  rm -rf "$stack"
  say "it is down"
}

status() {
  local name port good=0
  if [ ! -f "$stack/ports" ]; then
    say "it is not up"
    return 1
  fi
  while read -r name port; do
    if alive "$name"; then
      printf '%-9s 127.0.0.1:%-6s pid %s\n' "$name" "$port" "$(pid_of "$name")" >&2
    else
      printf '%-9s gone, its log: %s\n' "$name" "$stack/$name.log" >&2
      good=1
    fi
  done <"$stack/ports"
  return "$good"
}

[ $# -ge 1 ] || usage
command=$1
shift
case $command in
  up) up "$@" ;;
  down | status) [ $# = 0 ] || usage; "$command" ;;
  *) usage ;;
esac
