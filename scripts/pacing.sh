#!/usr/bin/env bash
# Does the open model hold its plan? Rounds at 2,000/s and 10,000/s from one core against an nginx on the other, both on
# 127.0.0.1: arrivals begun of those planned, schedule lag, CPU a request; beside it, round by round, what oha (where it is
# installed) and wrk spend on a request. Last, twice what the core can do: that run must be void (98).
#
#   scripts/pacing.sh [ROUNDS [SECONDS]]     20 rounds of 5 s unless told otherwise; PEERS="oha wrk" names who runs beside it
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20} seconds=${2:-5} peers=" ${PEERS-oha wrk} "
program=${PROGRAM:-$PWD/target/release/agenthub-perf}
[ -x "$program" ] || { echo "missing: $program (cargo build --release)" >&2; exit 1; }
nginx=$(command -v nginx || echo /usr/sbin/nginx)
[ "$(nproc)" -ge 2 ] || { echo "two CPUs are needed: one for the generator, one for the host" >&2; exit 1; }
oha=$(command -v oha || true)
[ -n "$oha" ] || [ ! -x "$HOME/.cargo/bin/oha" ] || oha=$HOME/.cargo/bin/oha

work=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $work/pid; error_log $work/error.log;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 100000000;
  server { listen 127.0.0.1:$port backlog=4096; location / { return 200 "$(printf 'x%.0s' {1..200})"; } }
}
CONF
taskset -c 1 "$nginx" -c "$work/nginx.conf" -p "$work" & server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do curl -so /dev/null "http://127.0.0.1:$port/" && break || sleep 0.1; done
printf 'name = "pacing"\nwait = "none"\n\n[[task]]\nname = "get"\nget = "/"\n' >"$work/get.toml"
TIMEFORMAT='%U %S'

# ROW RATE: one run of the program; a row of figures.
run() {
  local folder="$work/results"
  rm -rf "$folder"
  taskset -c 0 "$program" run -q -H "http://127.0.0.1:$port" -f "$work/get.toml" --rate "$1/s" -t "${seconds}s" \
    --target throughput=off --results "$folder" --config /dev/null --format json >/dev/null 2>"$work/err" || echo $? >"$work/code"
  python3 - "$folder" <<'PY'
import glob, json, sys
folder = glob.glob(sys.argv[1] + "/*/")[0]
result = json.load(open(folder + "result.json"))
seconds = [json.loads(line) for line in open(folder + "samples.ndjson")]
seconds = [s for s in seconds if s["type"] == "second"]
arrivals = [s.get("arrivals") or {} for s in seconds]
total = lambda name: sum(a.get(name, 0) for a in arrivals)
# Of the load alone: start and report cost the same however many requests there are.
cpu = sum(s["generator"]["cpu_s"] for s in seconds)
lag = result["generators"][0]["schedule_lag_ms"]
print(total("started") / total("planned"), lag["p50"] * 1e3, lag["p99"] * 1e3, lag["max"] * 1e3,
      cpu / result["totals"]["requests"] * 1e6, total("late"), result["verdict"])
PY
}

# Another program at the same rate (oha) or flat out (wrk): µs of CPU a request.
other() {
  { time taskset -c 0 "$@" >"$work/out" 2>&1; } 2>"$work/cpu"
  python3 - "$work/out" "$work/cpu" <<'PY'
import json, re, sys
text = open(sys.argv[1]).read()
found = re.search(r"(\d+) requests in", text)
requests = int(found[1]) if found else sum(json.loads(text)["statusCodeDistribution"].values())
print(sum(map(float, open(sys.argv[2]).read().split())) / requests * 1e6)
PY
}

for rate in 2000 10000; do
  : >"$work/rows" && : >"$work/oha" && : >"$work/wrk"
  for _ in $(seq "$rounds"); do
    run "$rate" >>"$work/rows"
    if [ -n "$oha" ] && [[ $peers = *" oha "* ]]; then
      other "$oha" --no-tui --output-format json -q "$rate" -c 50 -z "${seconds}s" "http://127.0.0.1:$port/" >>"$work/oha"
    fi
    if command -v wrk >/dev/null && [[ $peers = *" wrk "* ]]; then other wrk -t1 -c50 -d "${seconds}s" "http://127.0.0.1:$port/" >>"$work/wrk"; fi
  done
  python3 - "$rate" "$work" <<'PY'
import statistics, sys
rate, work = sys.argv[1], sys.argv[2]
rows = [line.split() for line in open(work + "/rows")]
column = lambda n: [float(row[n]) for row in rows]
median = statistics.median
print(f"{rate}/s, {len(rows)} runs: started/planned least {min(column(0)):.5f}, "
      f"lag p50 {median(column(1)):.0f} µs (most {max(column(1)):.0f}), p99 {median(column(2)):.0f} µs (most {max(column(2)):.0f}), "
      f"max {max(column(3)) / 1e3:.1f} ms, late {sum(column(5)):.0f}, CPU {median(column(4)):.1f} µs a request, "
      f"void {sum(row[6] == 'void' for row in rows)}")
for name in ("oha", "wrk"):
    theirs = [float(line) for line in open(f"{work}/{name}")]
    if theirs:
        ratio = median(a / b for a, b in zip(column(4), theirs))
        print(f"        {name} {median(theirs):.1f} µs a request; ratio to it, round by round, {ratio:.2f}")
PY
done

echo "twice what the core can do:"
rm -f "$work/code"
run 120000
echo "        exit code $(cat "$work/code" 2>/dev/null || echo 0) (98 is void)"
