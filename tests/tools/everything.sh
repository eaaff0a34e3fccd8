#!/usr/bin/env bash
# Every test: the checks, which need no server, while the servers are downloaded and built, which leaves a machine idle
# for minutes; then the tests against the servers.
set -euo pipefail

infra/local/bootstrap.sh setup --python

log=$(mktemp)
setup=
trap '[ -z "$setup" ] || kill "$setup" 2>/dev/null || true; rm -f "$log"' EXIT
echo "The servers are set up beside the checks; what that says comes after them."
infra/local/bootstrap.sh setup >"$log" 2>&1 &
setup=$!
make check
echo "The set-up of the servers:"
tail --lines=+1 --follow --pid="$setup" "$log"
wait "$setup"
setup=
make integration
