"""Asks the service of this container whether its process is alive; exits with 1 where it is not."""

import os
import sys
import urllib.request

port = os.environ.get("HTTP_PORT") or os.environ["METRICS_PORT"]
try:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
        pass
except OSError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(1)
