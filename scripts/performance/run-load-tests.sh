#!/usr/bin/env bash
# Stress test with multiple scenarios: the guide's user, readers and writers, 3 : 2 : 1.
#   ./scripts/performance/run-load-tests.sh --users 100 --spawn-rate 20 --duration 600
# Every option of `agenthub-perf run` is taken. The host is AGENTHUB_PERF_HOST, else the configuration's, else the
# reference service.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
scenarios=(-f "$root/scenarios/agenthub.toml:3" -f "$root/scenarios/browse.toml:2" -f "$root/scenarios/write-heavy.toml:1")

if command -v agenthub-perf >/dev/null; then
  exec agenthub-perf run "${scenarios[@]}" "$@"
fi
exec cargo run --quiet --release --locked --manifest-path "$root/Cargo.toml" -- run "${scenarios[@]}" "$@"
