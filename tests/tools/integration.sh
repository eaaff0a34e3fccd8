#!/usr/bin/env bash
# Runs the tests against real servers, on a stack that one started: first those that keep Trino or Flink busy and, beside
# them, those that need neither; then, one by one, those that kill servers or take the pipeline as a whole and, beside
# them, those that have servers of their own.
set -euo pipefail

python=.venv/bin/python
# Servers live for minutes here, all with work to do: the second compiler costs a fifth of all CPU and wins less back.
export JDK_JAVA_OPTIONS="${JDK_JAVA_OPTIONS:--XX:TieredStopAtLevel=1}"
places=(tests/integration tests/e2e tests/fuzz tests/faults services)
.venv-stack/bin/stack up --only infrastructure
.venv-stack/bin/stack up --only deployment
export PAYMENTS_TEST_STACK_IS_UP=1

output=$(mktemp)
other=
trap 'rm -f "$output"; [ -z "$other" ] || kill "$other" 2>/dev/null || true' EXIT

# Runs the first tests beside the second, and shows what those say after these have ended.
run_beside() {
    local failed=0
    "$python" -m pytest -m "$1" --durations=15 "${places[@]}" >"$output" 2>&1 &
    other=$!
    "$python" -m pytest -m "$2" --durations=15 "${places[@]}" || failed=1
    echo "The others, which have run meanwhile:"
    wait "$other" || failed=1
    other=
    cat "$output"
    return "$failed"
}

run_beside "engines and not alone and not apart" "integration and not engines and not alone and not apart"
run_beside "apart" "(alone or e2e) and not apart"
