#!/usr/bin/env bash
# Runs the tests against real servers, on a stack that one started: first, two at a time, those with topics, tables and
# queues of their own; then, one by one, those that kill or restart servers or take the pipeline as a whole.
set -euo pipefail

export PAYMENTS_TEST_KEEP_STACK=1
python=.venv/bin/python
.venv-stack/bin/stack up --only infrastructure
.venv-stack/bin/stack up --only deployment

places=(tests/integration tests/e2e tests/fuzz tests/faults services)
"$python" -m pytest -m "integration and not alone" -n 2 --dist loadgroup "${places[@]}"
"$python" -m pytest -m "alone or e2e" "${places[@]}"
