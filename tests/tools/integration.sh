#!/usr/bin/env bash
# Runs the tests against real servers, on a stack that one started: first those that keep Trino busy, those that keep
# Flink busy and those that need neither, beside each other; then, one by one, those that kill servers or take the
# pipeline as a whole. What is marked `nightly` is left to `make nightly`.
set -euo pipefail

python=.venv/bin/python
# Servers live for minutes here, all with work to do: the second compiler costs a fifth of all CPU and wins less back.
export JDK_JAVA_OPTIONS="${JDK_JAVA_OPTIONS:--XX:TieredStopAtLevel=1}"
places=(tests/integration tests/e2e tests/fuzz tests/faults tests/rollout services)
.venv-stack/bin/stack up --only infrastructure
.venv-stack/bin/stack up --only deployment
export PAYMENTS_TEST_STACK_IS_UP=1

outputs=$(mktemp -d)
others=()
trap 'rm -rf "$outputs"; [ ${#others[@]} = 0 ] || kill "${others[@]}" 2>/dev/null || true' EXIT

# Runs the tests of the last lane, beside them those of each other one, and shows what these say after these have ended.
run_beside() {
    local failed=0 last="${*: -1}" index
    local -a lanes=("${@:1:$#-1}")
    for index in "${!lanes[@]}"; do
        "$python" -m pytest -m "${lanes[index]}" --durations=15 "${places[@]}" >"$outputs/$index" 2>&1 &
        others+=("$!")
    done
    "$python" -m pytest -m "$last" --durations=15 "${places[@]}" || failed=1
    for index in "${!lanes[@]}"; do
        echo "These have run meanwhile: ${lanes[index]}"
        wait "${others[index]}" || failed=1
        cat "$outputs/$index"
    done
    others=()
    return "$failed"
}

shared="not alone and not nightly"
run_beside "trino and $shared" "flink and $shared" "integration and not trino and not flink and $shared"
run_beside "(alone or e2e) and not nightly"
