"""PayPal's gateway as a process on the real Kafka, and the simulator's key server in the place of PayPal's."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import Topic, raw_topic
from pydantic import SecretStr
from simulator.key_server import AUTHORITY, key_in
from simulator.signing import Signer

from tests.integration.gateways import running
from tests.processes import Process
from tests.tail import Tail

pytestmark = [pytest.mark.integration]

PAYPAL = PROVIDERS["paypal"]
SECRET = {"id": "it", "secret": "9XL90610J3647323C", "merchant_id": "merch_endpoint"}


@dataclass
class KeyServer:
    """`simulator keys` on a port of its own, which can be away."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "simulator",
            "keys",
            "--directory",
            str(self.directory),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(self.url, timeout=5)
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        pytest.fail("the key server did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


@pytest.fixture(scope="module")
def raw_of_paypal(stack: Mapping[str, str]) -> None:
    """Have the topic and the schemas of a provider that the stack does not run by itself."""
    for command in (("topics", "apply"), ("schemas", "register")):
        finished = subprocess.run(
            [sys.executable, "-m", "operations", *command],
            env=os.environ | dict(stack) | {"GATEWAY_PROVIDERS": "paypal"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = KeyServer(tmp_path / "keys", port)
    server.start()
    yield server
    server.stop()


def post(gateway: Process, keys: KeyServer) -> httpx.Response:
    example = next(each for each in EXAMPLES if (each.provider, each.kind) == ("paypal", "accepted"))
    key = key_in(keys.directory, "paypal")
    signer = Signer(PAYPAL.signature, SecretStr(SECRET["secret"]), "", key=key)
    signed = signer.deliver(example.body, int(time.time()))
    return httpx.post(f"{gateway.url}/webhooks/paypal", content=signed.body, headers=dict(signed.headers), timeout=30)


def test_a_known_certificate_goes_on_counting_while_its_server_is_away(
    stack: Mapping[str, str], raw_of_paypal: None, tail_of: Callable[[Topic], Tail], keys: KeyServer
) -> None:
    tail = tail_of(raw_topic("paypal"))
    settings = {
        "GATEWAY_PROVIDER": "paypal",
        "WEBHOOK_SECRETS": json.dumps([SECRET]),
        "KEY_SERVER_URL": keys.url,
        "CERTIFICATE_ROOTS_FILE": str(keys.directory / AUTHORITY),
    }
    keys.stop()
    with running(stack, **settings) as gateway:
        gateway.wait_until(200)
        away = post(gateway, keys)
        assert (away.status_code, away.json()["reason_code"]) == (503, "not_ready")
        keys.start()
        _simulate(stack, gateway, keys)
        keys.stop()
        assert post(gateway, keys).status_code == 200
    assert len(tail.records()) == 61


def _simulate(stack: Mapping[str, str], gateway: Process, keys: KeyServer) -> None:
    """Send every kind of webhook; what was refused for want of a key comes again."""
    command = [sys.executable, "-m", "simulator", "send", "--provider", "paypal", "--count", "100", "--rate", "0"]
    command += ["--url", gateway.url, "--days", "2", "--keys", str(keys.directory), "--repeats", "0"]
    command += ["--mix", "accepted=40,rejected=20,malformed=20,forged=20"]
    environment = os.environ | dict(stack) | {"GATEWAY_PAYPAL_SECRETS": json.dumps([SECRET])}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
