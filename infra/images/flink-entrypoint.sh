#!/bin/sh
# Runs a command of Flink's or ours. Flink's operator calls it with `bash -c ...`, compose with `jobmanager.sh ...`.
set -eu
exec "$@"
