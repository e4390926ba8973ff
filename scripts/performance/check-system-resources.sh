#!/usr/bin/env bash
# The guide's quick check of this machine: CPU, memory, disk, network, pressure, and limits for a planned load.
#   ./scripts/performance/check-system-resources.sh --planned-load 250
# Every option of `agenthub-perf check` is taken.
set -euo pipefail
exec "$(dirname "$0")/check.sh" system "$@"
