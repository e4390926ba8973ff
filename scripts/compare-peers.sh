#!/usr/bin/env bash
# What agenthub-perf costs beside wrk, oha, ab, hey, k6, Goose and Locust, measured side by side on this machine: one core
# for the client, another for the server (nginx), rounds interleaved, medians. Ends with the requirements, met or not.
#
#   scripts/compare-peers.sh [OPTION]…
#
#   --rounds N        interleaved rounds (3)
#   --seconds N       run time of each measurement (10)
#   --only TOOL,…     of agenthub-perf, wrk, oha, ab, hey, k6, goose, locust, locust-fast
#   --parts PART,…    of plain (GET, 64 connections), guide (the guide's user without think time), thinking (10,000 users who
#                     think for a minute), open (a constant rate)
#   --quick           one round of 3 s, 1,000 thinking users: to see that all works, not for figures
#   --binary FILE     measure this agenthub-perf (else target/release/agenthub-perf is built)
#   --output FILE     write FILE.md and FILE.json (results/peers/<time>)
#   --update-readme   put the tables between the markers in README.md
#   --check           exit 99 where a requirement is not met, 98 where one was not measured
#   --help
#
# Debian packages are installed where it may (as root); oha, Goose and Locust are built or installed in target/peers and
# target/release. A tool that cannot be had is a row that says so. Load goes to 127.0.0.1 only. Nothing else should run.
set -euo pipefail
cd "$(dirname "$0")/.."

all_tools=(wrk agenthub-perf oha ab hey k6 goose locust-fast locust)
all_parts=(plain guide thinking open)
tools=("${all_tools[@]}")
parts=("${all_parts[@]}")
rounds=3 seconds=10 connections=64 thinking_users=10000 few_users=100 spawn_rate=5000
open_rates=(2000 10000)
binary='' built_here='' output='' update_readme=false check=false

usage() { sed -n '2,/^set -euo/p' "$0" | sed '/^set -euo/d; s/^# \{0,1\}//'; }
wrong() { echo "error: $1 (--help lists the options)" >&2; exit 2; }
say() { echo "$*" >&2; }
is_one_of() { local wanted=$1 one; shift; for one in "$@"; do [ "$one" = "$wanted" ] && return; done; return 1; }
whole() { [[ $2 =~ ^[1-9][0-9]{0,3}$ ]] || wrong "$1 $2: not a number from 1 to 9999"; }

while [ $# -gt 0 ]; do
  option=$1
  shift
  case $option in
    --rounds | --seconds | --only | --parts | --binary | --output)
      [ $# -gt 0 ] || wrong "$option needs a value"
      value=$1
      shift
      ;;
  esac
  case $option in
    --rounds) whole "$option" "$value"; rounds=$value ;;
    --seconds) whole "$option" "$value"; seconds=$value ;;
    --only)
      IFS=, read -ra tools <<<"$value"
      for tool in "${tools[@]}"; do
        is_one_of "$tool" "${all_tools[@]}" || wrong "--only $tool: not one of ${all_tools[*]}"
      done
      ;;
    --parts)
      IFS=, read -ra parts <<<"$value"
      for part in "${parts[@]}"; do
        is_one_of "$part" "${all_parts[@]}" || wrong "--parts $part: not one of ${all_parts[*]}"
      done
      ;;
    --quick) rounds=1 seconds=3 thinking_users=1000 ;;
    --binary) [ -x "$value" ] || wrong "--binary $value: no such program"; binary=$value ;;
    --output) output=$value ;;
    --update-readme) update_readme=true ;;
    --check) check=true ;;
    --help | -h) usage; exit ;;
    *) wrong "$option: no such option" ;;
  esac
done
[ "${#tools[@]}" -gt 0 ] || wrong "--only names no tool"
[ "${#parts[@]}" -gt 0 ] || wrong "--parts names no part"
[ "$(uname)" = Linux ] || { say "error: needs Linux: processes are pinned and read from /proc"; exit 1; }
command -v python3 >/dev/null || { say "missing: python3 (Debian: apt-get install python3)"; exit 1; }
# What the environment sets for agenthub-perf is not what is measured here.
for name in "${!AGENTHUB_PERF_@}"; do unset "$name"; done
export PATH="$PATH:/usr/sbin:/usr/local/sbin"

# ── the tools

peers=$PWD/target/peers
mkdir -p "$peers"
declare -A missing=() versions=()
wants() { is_one_of "$1" "${tools[@]}"; }
has() { command -v "$1" >/dev/null; }

packages=()
has nginx || packages+=(nginx)
if wants wrk && ! has wrk; then packages+=(wrk); fi
if wants hey && ! has hey; then packages+=(hey); fi
if wants ab && ! has ab; then packages+=(apache2-utils); fi
if { wants locust || wants locust-fast; } && ! python3 -c 'import venv, ensurepip' 2>/dev/null; then packages+=(python3-venv); fi
if [ "${#packages[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && has apt-get; then
    say "── installing ${packages[*]}"
    apt-get update -qq >&2 || true
    for package in "${packages[@]}"; do
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >"$peers/apt.log" 2>&1 ||
        say "$package: not installed, target/peers/apt.log says why"
    done
  else
    say "missing: ${packages[*]} (Debian: apt-get install ${packages[*]})"
  fi
fi
has nginx || { say "error: nothing to measure against without nginx (Debian: apt-get install nginx)"; exit 1; }

for pair in wrk:wrk hey:hey ab:apache2-utils; do
  if wants "${pair%%:*}" && ! has "${pair%%:*}"; then missing[${pair%%:*}]="not installed (Debian: ${pair##*:})"; fi
done
if wants k6 && ! has k6; then missing[k6]="not installed: neither Debian nor crates.io has it, put k6 on the PATH"; fi

oha=$(command -v oha || echo "$peers/bin/oha")
if wants oha && [ ! -x "$oha" ]; then
  say "── building oha (minutes; target/peers/oha.log)"
  nice -n 10 cargo install --locked --root "$peers" --target-dir "$peers/build" oha >"$peers/oha.log" 2>&1 ||
    missing[oha]="cargo install oha failed: target/peers/oha.log"
  rm -rf "$peers/build"
fi

locust=$peers/locust/bin/locust
if { wants locust || wants locust-fast; } && [ ! -x "$locust" ]; then
  say "── installing Locust (target/peers/locust.log)"
  rm -rf "$peers/locust"
  { python3 -m venv "$peers/locust" && "$peers/locust/bin/pip" install --disable-pip-version-check locust; } \
    >"$peers/locust.log" 2>&1 || {
    rm -f "$locust"
    for tool in locust locust-fast; do missing[$tool]="pip install locust failed: target/peers/locust.log"; done
  }
fi

# Apart from each other: built together they would share the features that only tests need.
goose=target/release/examples/peer-goose
if wants agenthub-perf && [ -z "$binary" ]; then
  say "── building agenthub-perf"
  cargo build --quiet --release --locked --bin agenthub-perf
  binary=target/release/agenthub-perf built_here=yes
fi
if wants goose; then
  say "── building benches/peers/goose.rs"
  cargo build --quiet --release --locked --example peer-goose >"$peers/goose.log" 2>&1 ||
    missing[goose]="cargo build --example peer-goose failed: target/peers/goose.log"
fi

version_of() {
  case $1 in
    # Of a --binary nobody here knows the commit.
    agenthub-perf) echo "$("$binary" --version | cut -d' ' -f2)${built_here:+ ($(git describe --always --dirty 2>/dev/null))}" ;;
    wrk) { wrk -v 2>&1 || true; } | sed -n '1s/^wrk \([^ ]*\).*/\1/p' ;;
    ab) ab -V | sed -n '1s/.*Version \([0-9.]*\).*/\1/p' ;;
    hey) dpkg-query -W -f '${Version}' hey 2>/dev/null || echo '(unknown)' ;;
    oha) "$oha" --version | cut -d' ' -f2 ;;
    k6) k6 version | cut -d' ' -f2 ;;
    goose) cargo tree --quiet --locked --depth 0 --package goose --prefix none | cut -d' ' -f2 ;;
    locust | locust-fast) "$locust" --version | cut -d' ' -f2 ;;
  esac
}
for tool in "${tools[@]}"; do
  if [ -z "${missing[$tool]:-}" ]; then versions[$tool]=$(version_of "$tool" || echo '(unknown)'); fi
done

# ── the machine

notes=()
note() { say "note: $*"; notes+=("$*"); }
mapfile -t cores < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
pin_client=() pin_server=()
if ! has taskset; then
  pinned='not pinned'
  note "not pinned: taskset is missing (Debian: util-linux)"
elif [ "${#cores[@]}" -lt 2 ]; then
  pinned='one core for both'
  note "this machine has one core: client and server share it, and the figures hold that too"
else
  pinned="client on core ${cores[0]}, server on core ${cores[1]}"
  pin_client=(--cpu "${cores[0]}") pin_server=(taskset -c "${cores[1]}")
fi

asked_users=$thinking_users
# nginx keeps a place for each connection that it may have: not for millions.
files=$(ulimit -Hn)
if [ "$files" = unlimited ] || [ "$files" -gt 65536 ]; then files=65536; fi
ulimit -Sn "$files"
if [ "$thinking_users" -gt $((files - 200)) ]; then
  thinking_users=$((files - 200))
  note "$thinking_users thinking users instead of $asked_users: the limit of open files is $files (ulimit -Hn)"
fi
# The kernel's own bound on connections to one port.
read -r low high </proc/sys/net/ipv4/ip_local_port_range
if [ "$thinking_users" -gt $((high - low - 200)) ]; then
  thinking_users=$((high - low - 200))
  note "$thinking_users thinking users instead of $asked_users: there are ports $low to $high only"
fi
# As measured elsewhere a Locust user takes about 100 KB.
locust_users=$thinking_users
available_mb=$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
if [ "$locust_users" -gt 2000 ] && [ "$available_mb" -lt 6000 ]; then
  locust_users=2000
  note "Locust with 2,000 thinking users only: $available_mb MB of memory are free"
fi
note "what a tool does at its start and end is in its CPU; 'steady' is without: from 30 % to 95 % of the run time"
note "ab, hey, oha, k6 and wrk: keep-alive, one thread; Goose reads no bodies, as its user.get() does not; Locust is one process"

# ── the server

work=$(mktemp -d)
server='' measuring=''
# shellcheck disable=SC2317 # the traps run it
cleanup() {
  trap - EXIT
  for pid in $measuring $server; do
    if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || true; fi
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'cleanup; exit 130' INT TERM

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
page=$(printf 'x%.0s' {1..300})
item='{"id": 1, "title": "Load test task", "status": "todo", "created_at": "2025-09-11T08:00:00Z"}'
cat >"$work/nginx.conf" <<EOF
daemon off; worker_processes 1; worker_rlimit_nofile $files; pid $work/pid; error_log $work/error.log;
events { worker_connections $files; }
http {
  log_format status "\$status \$request"; map \$status \$rejected { ~^2 0; default 1; } access_log $work/rejected.log status if=\$rejected;
  default_type application/json; keepalive_requests 1000000000; keepalive_timeout 1h;
  client_body_temp_path $work/a; proxy_temp_path $work/b; fastcgi_temp_path $work/c; uwsgi_temp_path $work/d; scgi_temp_path $work/e;
  map \$http_authorization \$stranger { "Bearer a-token-of-the-server" 0; default 1; }
  server {
    listen 127.0.0.1:$port backlog=16384;
    location = / { return 200 "$page"; }
    location = /status { stub_status; }
    location = /api/v2/health { return 200 '{"status": "healthy"}'; }
    location = /api/v2/auth/login { return 200 '{"access_token": "a-token-of-the-server", "token_type": "bearer"}'; }
    location = /api/v2/projects { if (\$stranger) { return 401; } return 200 '[$item, $item, $item]'; }
    location = /api/v2/tasks {
      if (\$stranger) { return 401; }
      if (\$request_method = POST) { return 201 '$item'; }
      return 200 '[$item, $item, $item]';
    }
  }
}
EOF
user=()
# As root nginx would give its worker another user, who must not see a private folder.
[ "$(id -u)" = 0 ] && user=(-g 'user root;')
"${pin_server[@]}" nginx -e "$work/error.log" -c "$work/nginx.conf" "${user[@]}" >/dev/null 2>&1 &
server=$!
for _ in {1..100}; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.05
done
kill -0 "$server" 2>/dev/null || { say "error: nginx does not start:"; cat "$work/error.log" >&2; exit 1; }

url=http://127.0.0.1:$port
: >"$work/none.toml"
printf 'name = "plain"\nwait = "none"\n[[task]]\nname = "page"\nget = "/"\n' >"$work/plain.toml"
printf 'name = "thinking"\nwait = { constant = "60s" }\n[[task]]\nname = "page"\nget = "/"\n' >"$work/thinking.toml"
sed 's/^wait = .*/wait = "none"/' scenarios/agenthub.toml >"$work/guide.toml"
grep -q '^wait = "none"$' "$work/guide.toml" || { say "error: scenarios/agenthub.toml has no line 'wait = …' to replace"; exit 1; }
cat >"$work/k6.js" <<EOF
import http from 'k6/http';
export default function () { http.get('$url/'); }
EOF

# ── what is run

# The command of a tool in a part of the comparison, in `command`; fails where the tool has none.
command_of() {
  local tool=$1 part=$2 users=$connections time=$seconds rate=$spawn_rate class
  # Ended once all have sent their first request.
  case $part in
    thinking) users=$thinking_users time=180 ;;
    few) users=$few_users time=180 ;;
    open-*) rate=${part#open-} ;;
  esac
  case $tool:$part in
    wrk:plain) command=(wrk -t 1 -c "$users" -d "${time}s" "$url/") ;;
    oha:plain) command=(env TOKIO_WORKER_THREADS=1 "$oha" --no-tui -c "$users" -z "${time}s" "$url/") ;;
    oha:open-*) command=(env TOKIO_WORKER_THREADS=1 "$oha" --no-tui -c "$users" -z "${time}s" -q "$rate" --latency-correction "$url/") ;;
    # Its time limit alone would end it at 50,000 requests.
    ab:plain) command=(ab -q -k -c "$users" -t "$time" -n $((time * 200000)) "$url/") ;;
    hey:plain) command=(hey -cpus 1 -c "$users" -z "${time}s" "$url/") ;;
    k6:plain) command=(env GOMAXPROCS=1 k6 run --quiet --vus "$users" --duration "${time}s" "$work/k6.js") ;;
    agenthub-perf:open-*)
      command=("$binary" run --config "$work/none.toml" --results "$work/results" --quiet --allow-unproven -H "$url"
        -f "$work/plain.toml" --rate "$rate/s" --arrivals constant --max-users "$users" -t "${time}s")
      ;;
    agenthub-perf:*)
      command=("$binary" run --config "$work/none.toml" --results "$work/results" --quiet --allow-unproven -H "$url"
        -f "$work/${part/few/thinking}.toml" -u "$users" -r "$rate" -t "${time}s")
      ;;
    goose:open-*) return 1 ;;
    goose:*)
      command=("$goose" --host "$url" --scenarios "${part/few/thinking}" -u "$users" -r "$rate" -t "${time}s" --no-telnet -q)
      ;;
    locust*:open-*) return 1 ;;
    locust*)
      class=Plain wait=0
      case $part in
        guide) class=Guide ;;
        thinking) wait=60 users=$locust_users ;;
        few) wait=60 ;;
      esac
      [ "$tool" = locust-fast ] && class+=Fast
      command=(env PEERS_WAIT_S="$wait" "$locust" -f benches/peers/locustfile.py "${class}User" --headless --only-summary
        --host "$url" -u "$users" -r "$rate" -t "${time}s")
      ;;
    *) return 1 ;;
  esac
}

run_one() {
  local tool=$1 part=$2 round=$3 command=() options=()
  command_of "$tool" "$part" || return 0
  if [ -n "${missing[$tool]:-}" ]; then
    printf '{"part": "%s", "tool": "%s", "round": %d, "failed": "%s"}\n' "$part" "$tool" "$round" "${missing[$tool]}" >>"$work/runs"
    return
  fi
  printf 'round %d/%d  %-10s  %-14s  ' "$round" "$rounds" "$part" "$tool" >&2
  case $part in
    thinking | few) options+=(--users "$thinking_users") ;;
  esac
  case $tool:$part in
    *:few) options+=(--users "$few_users") ;;
    locust*:thinking) options+=(--users "$locust_users") ;;
  esac
  if [ "$tool" = agenthub-perf ]; then
    rm -rf "$work/results"
    mkdir "$work/results"
    # It asks once whether the host is there.
    options+=(--results "$work/results" --uncounted 1)
  fi
  "${pin_server[@]}" python3 scripts/compare-peers/measure.py --out "$work/runs" --part "$part" --tool "$tool" --round "$round" \
    --port "$port" --server "$server" --errors "$work/rejected.log" --seconds "$seconds" --log "$work/log" \
    "${pin_client[@]}" "${options[@]}" -- "${command[@]}" &
  measuring=$!
  wait "$measuring" || true
  measuring=''
}

expanded=()
for part in "${parts[@]}"; do
  case $part in
    thinking) expanded+=(few thinking) ;;
    open) for rate in "${open_rates[@]}"; do expanded+=("open-$rate"); done ;;
    *) expanded+=("$part") ;;
  esac
done
if is_one_of open "${parts[@]}" && wants agenthub-perf && ! "$binary" run --help | grep -q -- --rate; then
  note "the open model was not measured: this agenthub-perf has no --rate"
  kept=()
  for part in "${expanded[@]}"; do [[ $part = open-* ]] || kept+=("$part"); done
  expanded=("${kept[@]}")
fi

say "$pinned · ${#tools[@]} tools · $rounds rounds"
: >"$work/runs"
for ((round = 1; round <= rounds; round++)); do
  order=("${tools[@]}")
  # There and back, so that nobody always runs after the same one.
  if ((round % 2 == 0)); then mapfile -t order < <(printf '%s\n' "${tools[@]}" | tac); fi
  for part in "${expanded[@]}"; do
    for tool in "${order[@]}"; do run_one "$tool" "$part" "$round"; done
  done
done

# ── the tables

output=${output:-results/peers/$(date -u +%Y%m%dT%H%M%SZ)}
mkdir -p "$(dirname "$output")"
{
  printf '%s %s\n' started "$(date -u +%Y-%m-%dT%H:%M:%SZ)" rounds "$rounds" seconds "$seconds" connections "$connections" \
    thinking_users "$thinking_users" spawn_rate "$spawn_rate" pinned "$pinned"
  printf 'tool %s\n' "${tools[@]}"
  printf 'rate %s\n' "${open_rates[@]}"
  for tool in "${tools[@]}"; do [ -z "${versions[$tool]:-}" ] || echo "version $tool ${versions[$tool]}"; done
  printf 'note %s\n' "${notes[@]}"
} >"$work/about"
status=0
options=()
if $check; then options=(--check); fi
python3 scripts/compare-peers/table.py tables "${options[@]}" "$work/runs" "$work/about" "$output" || status=$?
say "written: $output.md, $output.json"
if $update_readme; then
  python3 scripts/compare-peers/table.py readme "$output.json" README.md
  say "README.md updated"
fi
exit "$status"
