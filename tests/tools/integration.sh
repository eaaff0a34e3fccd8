#!/usr/bin/env bash
# Runs the tests against real servers, on a stack that one started: first those that keep Trino or Flink busy and, beside
# them, those that need neither; then, one by one, those that kill servers or take the pipeline as a whole.
set -euo pipefail

python=.venv/bin/python
places=(tests/integration tests/e2e tests/fuzz tests/faults services)
.venv-stack/bin/stack up --only infrastructure
.venv-stack/bin/stack up --only deployment
export PAYMENTS_TEST_STACK_IS_UP=1

beside=$(mktemp)
engines=
trap 'rm -f "$beside"; [ -z "$engines" ] || kill "$engines" 2>/dev/null || true' EXIT
"$python" -m pytest -m "integration and engines and not alone" "${places[@]}" >"$beside" 2>&1 &
engines=$!
failed=0
"$python" -m pytest -m "integration and not engines and not alone" "${places[@]}" || failed=1
echo "Those of Trino and Flink, which have run meanwhile:"
wait "$engines" || failed=1
engines=
cat "$beside"
[ "$failed" = 0 ]
"$python" -m pytest -m "alone or e2e" "${places[@]}"
