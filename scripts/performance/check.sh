#!/usr/bin/env bash
# `agenthub-perf check` of the installed program, else of this source.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
if command -v agenthub-perf >/dev/null; then
  exec agenthub-perf check "$@"
fi
exec cargo run --quiet --release --locked --manifest-path "$root/Cargo.toml" -- check "$@"
