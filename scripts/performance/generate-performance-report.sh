#!/usr/bin/env bash
# Everything that is named and this machine, in one page: performance-report.html, or the file of --report.
#   ./scripts/performance/generate-performance-report.sh --host http://localhost:8000 --postgres postgres://…
# Every option of `agenthub-perf check` is taken; the configuration says where the rest is.
set -euo pipefail
case " $* " in *" --report"*) ;; *) set -- --report performance-report.html "$@" ;; esac
exec "$(dirname "$0")/check.sh" all "$@"
