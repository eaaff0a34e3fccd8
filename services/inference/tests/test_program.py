import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from inference.latency import Latency
from inference.settings import Settings
from pydantic import ValidationError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_settings_hold_the_latency() -> None:
    assert Settings(http_port=18110, inference_latency_ms="50-200").latency == Latency(50, 200)


def test_settings_refuse_a_latency_of_another_form() -> None:
    with pytest.raises(ValidationError, match="50-200"):
        Settings(http_port=18110, inference_latency_ms="slow")


def test_serves_until_it_is_told_to_stop() -> None:
    port = free_port()
    program = subprocess.Popen(
        [sys.executable, "-m", "inference"], env=os.environ | {"HTTP_PORT": str(port)}, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise TimeoutError("it does not answer") from None
                assert program.poll() is None, "it stopped by itself"
                time.sleep(0.1)
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=30)
    finally:
        program.kill()
        program.wait()
    assert program.returncode == 0
    assert b'"level": "error"' not in errors
