#!/usr/bin/env bash
# The guide's quick check of the service: a few dozen GETs.
#   ./scripts/performance/check-app-performance.sh --host http://localhost:8000
# Every option of `agenthub-perf check` is taken; without --host the configuration says where it is.
set -euo pipefail
exec "$(dirname "$0")/check.sh" app "$@"
