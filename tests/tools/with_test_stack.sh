#!/usr/bin/env bash
# Runs a command on the stack of the tests, which is stopped when the command ends:
#   tests/tools/with_test_stack.sh [--streams] COMMAND ...
# With --streams its Kafka and registry are started first, with the topics and schemas of the contracts.
# PAYMENTS_TEST_KEEP_STACK leaves it running. Settings: PAYMENTS_TEST_STATE_DIR, PAYMENTS_TEST_PORT_OFFSET.
set -euo pipefail

export PAYMENTS_STATE_DIR="${PAYMENTS_TEST_STATE_DIR:-.state-test}"
export PAYMENTS_PORT_OFFSET="${PAYMENTS_TEST_PORT_OFFSET:-5000}"
stack=.venv-stack/bin/stack

[ -n "${PAYMENTS_TEST_KEEP_STACK:-}" ] || trap '"$stack" down' EXIT
if [ "${1:-}" = --streams ]; then
    shift
    "$stack" up kafka registry
    settings=$("$stack" env)
    eval "$settings"
    .venv/bin/payments topics apply
    .venv/bin/payments schemas register
fi
"$@"
