"""Our programs of compose.yaml as containers, from a webhook to Gold: `make containers`, with a container engine.

The servers are those of the test stack, and none of our programs runs beside the containers.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from deployment.containers import ALL, EngineError, build, require_engine

from tests.conftest import ROOT
from tests.e2e.containers import Containers
from tests.integration.secured.certificates import LOOPBACK
from tests.integration.secured.programs import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]
BIN = ROOT / ".venv" / "bin"
COUNT = 200
STEPS = ("topics", "schemas", "tables", "database")
PROGRAMS = ("inference", "gateway-stripe", "normalizer-stripe", "orchestrator", "archiver", "console")
FLINK = ("flink-jobmanager", "flink-taskmanager")
DAGSTER = ("dagster-code", "dagster-webserver", "dagster-daemon")
# Of Dagster's image, and of Flink as compose.yaml has it.
DAGSTER_PORT, FLINK_PORT, METRICS_PORT = 3000, 8081, 9249


@pytest.fixture(scope="module")
def built() -> None:
    try:
        require_engine()
    except EngineError as error:
        pytest.exit(str(error), returncode=2)
    for name in ALL:
        build(name)


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Return a port for each program, which all have the same in a network of their own, and for what they measure."""
    names = [*PROGRAMS, "temporal-sdk", "taskmanager-metrics"]
    return dict(zip(names, free_ports(len(names)), strict=True))


@pytest.fixture(scope="module")
def settings(stack: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """Return the settings of the stack, with the containers in place of the programs that it would run itself."""
    database = urlsplit(stack["POSTGRES_DSN"])
    return {
        **stack,
        "GATEWAY_PROVIDERS": "stripe",
        "GATEWAY_STRIPE_URL": f"http://{LOOPBACK}:{ports['gateway-stripe']}",
        "GATEWAY_SQUARE_URL": "",
        "WEBHOOK_SECRETS": stack["GATEWAY_STRIPE_SECRETS"],
        "INFERENCE_URL": f"http://{LOOPBACK}:{ports['inference']}",
        "FLINK_URL": f"http://{LOOPBACK}:{FLINK_PORT}",
        "DAGSTER_URL": f"http://{LOOPBACK}:{DAGSTER_PORT}",
        "DAGSTER_POSTGRES_URL": database._replace(scheme="postgresql+psycopg2", path="/dagster").geturl(),
        "CONSOLE_TOKEN": secrets.token_hex(),
        # The stack's own catalog demands no token.
        "CATALOG_CREDENTIAL": "",
        "CATALOG_SCOPE": "",
    }


@pytest.fixture(scope="module")
def containers(
    built: None, settings: Mapping[str, str], ports: Mapping[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    """Start what compose.yaml has of ours, in the order that it says."""
    instead = {
        "http://minio:9000": settings["S3_ENDPOINT"],
        "0.0.0.0": LOOPBACK,  # noqa: S104  # it is what is replaced
    }
    made = Containers(settings, instead, tmp_path_factory.mktemp("configs"))
    try:
        for step in STEPS:
            made.start(step)
        for step in STEPS:
            made.finish(step)
        made.start("flink-jobmanager")
        made.start("flink-taskmanager", instead={str(METRICS_PORT): str(ports["taskmanager-metrics"])})
        for program in PROGRAMS:
            name = "HTTP_PORT" if program in {"inference", "gateway-stripe", "console"} else "METRICS_PORT"
            listens = {name: str(ports[program]), name.replace("PORT", "HOST"): LOOPBACK}
            made.start(program, listens | {"TEMPORAL_METRICS_PORT": str(ports["temporal-sdk"])})
        for part in DAGSTER:
            made.start(part)
        made.await_health(*FLINK, *PROGRAMS, *DAGSTER)
        yield made
    finally:
        made.remove()


def test_a_run_of_webhooks_reaches_gold_through_containers_alone(
    containers: Containers, settings: Mapping[str, str], ports: Mapping[str, int], tmp_path: Path
) -> None:
    for program in PROGRAMS:
        answer = httpx.get(f"http://{LOOPBACK}:{ports[program]}/readyz", trust_env=False)
        assert answer.is_success, f"{program}: {answer.text}\n{containers.said(program)}"
    ledger = tmp_path / "ledger.jsonl"
    send = ("send", "--provider", "stripe", "--count", str(COUNT), "--rate", "20", "--run", f"containers{os.getpid()}")
    sent = run(settings, str(BIN / "simulator"), *send, "--ledger", str(ledger))
    assert sent.returncode == 0, sent.stdout + sent.stderr
    verified = run(settings, str(BIN / "payments"), "verify", "--refresh", "--ledger", str(ledger))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Every count agrees" in verified.stdout


@pytest.mark.parametrize("program", [*reversed(DAGSTER), *reversed(PROGRAMS)])
def test_a_container_ends_within_the_time_that_it_has(containers: Containers, program: str) -> None:
    state = containers.stop(program)
    # 137 would be of a kill, after its time or for its memory.
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False), containers.said(program)


def run(settings: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in settings.items() if value}
    return subprocess.run(command, env=os.environ | known, capture_output=True, text=True, check=False)
