"""Images that are built and run, where there is a container engine: `make images`, or others by IMAGES="inference".

They are built with the network of the machine. Where no base image can be pulled, infra/images/base.sh makes them.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deployment.__main__ import REPOSITORY

ENGINE = os.environ.get("ENGINE", "docker")
TARGETS = os.environ.get("IMAGES", "gateway normalizer orchestrator").split()
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108
NOWHERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "TEMPORAL_NAMESPACE": "payments",
}
SECONDS = 90

Run = Callable[..., str]


def engine(*arguments: str, seconds: int = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=False, timeout=seconds)


def has_engine() -> bool:
    return shutil.which(ENGINE) is not None and engine("info").returncode == 0


pytestmark = [
    pytest.mark.skipif(not has_engine(), reason=f"{ENGINE} does not run here"),
    # A build downloads all that an image holds.
    pytest.mark.timeout(3600),
]


@pytest.fixture(scope="session", params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    built = engine(
        *("build", "--network", "host", "--file", "infra/images/Dockerfile", "--target", name),
        *("--tag", f"payments/{name}:check", str(REPOSITORY)),
        seconds=3000,
    )
    assert built.returncode == 0, built.stderr[-4000:]
    return name


@pytest.fixture
def run() -> Iterator[Run]:
    """Start a container as it is run in production; it is removed after the test."""
    names = []

    def start(target: str, *command: str, **environment: str) -> str:
        name = f"payments-check-{uuid.uuid4().hex[:12]}"
        names.append(name)
        variables = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        options = ("run", "--detach", "--network", "host", "--name", name, *CONFINED, *variables)
        started = engine(*options, f"payments/{target}:check", *command)
        assert started.returncode == 0, started.stderr
        return name

    yield start
    for name in names:
        engine("rm", "--force", name)


def logs(name: str) -> str:
    said = engine("logs", name)
    return said.stdout + said.stderr


def ended(name: str) -> int:
    return int(engine("wait", name, seconds=SECONDS).stdout)


def answers(url: str, name: str) -> bytes:
    """Return what a container answers once it does."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # of this machine
                return bytes(answer.read())
        except OSError:
            time.sleep(0.5)
    raise AssertionError(logs(name)[-4000:])


def test_an_image_is_of_a_user_without_rights_and_says_what_it_is(target: str) -> None:
    inspected: dict[str, Any] = json.loads(engine("image", "inspect", f"payments/{target}:check").stdout)[0]
    assert inspected["Config"]["User"] == "10001:10001"
    assert inspected["Config"]["Labels"]["org.opencontainers.image.title"] == f"payments {target}"
    assert inspected["Config"]["Healthcheck"]["Test"]
    print(f"{target}: {inspected['Size'] / 1e6:.0f} MB")  # noqa: T201  # the size is to be seen


def test_a_program_without_settings_names_them(target: str, run: Run) -> None:
    name = run(target)
    assert ended(name) == 2
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in logs(name)


def test_a_gateway_lives_without_kafka_and_says_that_it_is_not_ready(target: str, run: Run) -> None:
    if target != "gateway":
        pytest.skip("of the gateway")
    secrets = json.dumps([{"id": "check", "secret": "whsec_check", "merchant_id": "merch_check"}])
    settings = {"GATEWAY_PROVIDER": "stripe", "WEBHOOK_SECRETS": secrets, "HTTP_PORT": "28080"}
    name = run(target, **NOWHERE, **settings)
    assert b"alive" in answers("http://127.0.0.1:28080/healthz", name)
    assert engine("exec", name, "python3", "/opt/healthcheck.py").returncode == 0


def test_a_consumer_lives_without_kafka(target: str, run: Run) -> None:
    if target != "orchestrator":
        pytest.skip("of the orchestrator")
    name = run(target, "run", "--role", "consumer", METRICS_PORT="28081", **NOWHERE)
    assert b"alive" in answers("http://127.0.0.1:28081/healthz", name)


def test_flink_runs_in_the_normalizers_image(target: str, run: Run) -> None:
    if target != "normalizer":
        pytest.skip("of the normalizer")
    places = {"jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": 28082, "rest.port": 28083}
    settings = {**places, "rest.bind-port": 28083, "jobmanager.memory.process.size": "1100m"}
    properties = "\n".join(f"{name}: {value}" for name, value in settings.items())
    name = run(target, "jobmanager.sh", "start-foreground", FLINK_PROPERTIES=properties)
    assert b"flink-version" in answers("http://127.0.0.1:28083/overview", name)
