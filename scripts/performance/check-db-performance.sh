#!/usr/bin/env bash
# The guide's quick check of the database: evidence and a fix for each rule that does not hold. Reads only.
#   ./scripts/performance/check-db-performance.sh --postgres postgres://monitor:…@127.0.0.1:5432/agenthub
# Every option of `agenthub-perf check` is taken; without --postgres the configuration's [observe] says where it is.
set -euo pipefail
exec "$(dirname "$0")/check.sh" db "$@"
