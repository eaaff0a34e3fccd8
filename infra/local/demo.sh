#!/usr/bin/env bash
# Sends signed webhooks to the running stack and follows them to Gold:
#   infra/local/demo.sh COUNT RATE
# COUNT webhooks, RATE of them a second. Each run has a ledger of its own in the state directory.
set -euo pipefail

count=$1 rate=$2
stack=.venv-stack/bin/stack
settings=$("$stack" env)
eval "$settings"

run=$(date -u +%y%m%d%H%M%S)
ledger=${PAYMENTS_STATE_DIR:-.state}/ledgers/$run.jsonl
mkdir -p "$(dirname "$ledger")"
"$stack" settle
.venv/bin/simulator send --provider stripe --count "$count" --rate "$rate" --run "$run" --ledger "$ledger"
.venv/bin/payments verify --refresh --ledger "$ledger"
"$stack" addresses
