#!/bin/sh
# Runs the `stack` command on a machine that may have nothing but the prerequisites:
#   infra/local/bootstrap.sh setup
# Finds a Python, which checks the rest and gets uv (stack/bootstrap.py).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# Preferred: a version the project runs on. Else any from which uv can fetch such a one.
suits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
bootstraps='import sys; sys.exit(sys.version_info[:2] < (3, 11))'
for test in "$suits" "$bootstraps"; do
    for python in python3.12 python3.11 python3 python; do
        if "$python" -c "$test" >/dev/null 2>&1; then
            PYTHONPATH="$here/src" exec "$python" -m stack.bootstrap "$@"
        fi
    done
done

echo "error: Python 3.11 or newer was not found: install it (on Debian: apt install python3 python3-venv)." >&2
exit 1
