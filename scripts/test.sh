#!/usr/bin/env bash
# Everything that must hold before a change lands: formatting, lints, documentation, every test. Installs what the tests
# need where it may (Debian, as root), else says what is missing. Starts and stops its own servers on free ports of
# 127.0.0.1. Ends with the test runner's summary.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx)
# Its server's programs are out of the search path, and all that is needed of it: what Debian sets up beside them, and may
# start, is left alone.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null && command -v redis-cli >/dev/null || missing+=(redis-server)
command -v setpriv >/dev/null || [ "$(id -u)" != 0 ] || missing+=(util-linux)
command -v ps >/dev/null || missing+=(procps)
command -v cc >/dev/null || missing+=(gcc)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ "${#missing[@]}" -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "── installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "missing: ${missing[*]} (Debian: apt-get install ${missing[*]})" >&2
    exit 1
  fi
fi
command -v cargo >/dev/null || { echo "missing: cargo and rustc 1.95 or newer (https://rustup.rs)" >&2; exit 1; }

# Other implementations, to read what ours writes: of HdrHistogram, of OpenMetrics.
venv=target/hdrhistogram-python
if ! "$venv/bin/python" -c 'import hdrh, prometheus_client' 2>/dev/null; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'hdrhistogram==0.10.3' 'prometheus_client==0.23.1'
fi
export AGENTHUB_PERF_TEST_PYTHON="$PWD/$venv/bin/python"

step() { echo "── $*"; "$@"; }
step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
for script in scripts/*.sh scripts/performance/*.sh .ci/run; do bash -n "$script"; done
if command -v cargo-deny >/dev/null; then step cargo deny --locked check bans licenses sources; fi
if command -v cargo-machete >/dev/null; then step cargo machete; fi
step cargo test --locked --doc --quiet
# What a CI stage runs, shortened: too short to prove every target, and its exit code would still be 99 for one that is missed.
step cargo run --locked --quiet -- run --profile ci -t 30s --allow-unproven --quiet --results target/ci-results
if command -v cargo-nextest >/dev/null; then
  step cargo nextest run --locked --no-fail-fast
else
  # One at a time: some tests drive load, and would load each other.
  step cargo test --locked --lib --bins --tests --no-fail-fast -- --test-threads=1
fi
