"""Images that are built and run, by a container engine: `make images`, or some of them by IMAGES="inference gateway".

They are built with the network of the machine. Where no base image can be pulled, infra/images/base.sh makes them.
"""

import json
import os
import urllib.request
import uuid
from collections.abc import Callable, Iterator

import pytest

from deployment.containers import ALL, TAG, EngineError, build, engine, inspected, logs, require_engine, wait_until

TARGETS = os.environ.get("IMAGES", " ".join(ALL)).split()
CONFINED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108
NOWHERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "TEMPORAL_NAMESPACE": "payments",
    "METRICS_HOST": "127.0.0.1",
    "HTTP_HOST": "127.0.0.1",
}
SECONDS = 120
GRACE_SECONDS = 40
# What each image runs for its health to be asked; the others' commands end by themselves, or are asked in another way.
LIVING: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "gateway": (
        (),
        {
            "GATEWAY_PROVIDER": "stripe",
            "WEBHOOK_SECRETS": json.dumps([{"id": "check", "secret": "whsec_check", "merchant_id": "merch_check"}]),
            "HTTP_PORT": "28080",
        },
    ),
    "inference": ((), {"HTTP_PORT": "28084"}),
    "orchestrator": (("run", "--role", "consumer"), {"METRICS_PORT": "28081"}),
}
LOADED = "from analytics.definitions import defs; print(defs.resolve_job_def('silver').name)"
# Programs that refuse to start without settings, and one that each names.
UNSET = {
    "gateway": "KAFKA_BOOTSTRAP_SERVERS is not set",
    "normalizer": "KAFKA_BOOTSTRAP_SERVERS is not set",
    "orchestrator": "TEMPORAL_ADDRESS is not set",
    "archiver": "KAFKA_BOOTSTRAP_SERVERS is not set",
}

Run = Callable[..., str]

# A build downloads all that an image holds.
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    try:
        require_engine()
    except EngineError as error:
        # Not one of the tests could say anything.
        pytest.exit(str(error), returncode=2)
    for name in TARGETS:
        build(name)


@pytest.fixture
def run() -> Iterator[Run]:
    """Start a container as it is run in production; it is removed after the test."""
    names = []

    def start(target: str, *command: str, entrypoint: str = "", **environment: str) -> str:
        name = f"payments-check-{uuid.uuid4().hex[:12]}"
        names.append(name)
        variables = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        variables += ["--entrypoint", entrypoint] if entrypoint else []
        options = ("run", "--detach", "--network", "host", "--name", name, *CONFINED, *variables)
        started = engine(*options, f"payments/{target}:{TAG}", *command)
        assert started.returncode == 0, started.stderr
        return name

    yield start
    for name in names:
        engine("rm", "--force", name)


def ended(name: str) -> int:
    return int(engine("wait", name, seconds=SECONDS).stdout)


def answers(url: str, name: str) -> bytes:
    """Return what a container answers once it does."""
    said: list[bytes] = []

    def asked() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # of this machine
                said.append(answer.read())
        except OSError:
            return False
        return True

    wait_until(asked, SECONDS, lambda: logs(name)[-4000:])
    return said[0]


def chosen(names: object) -> list[str]:
    assert isinstance(names, (dict, tuple, set))
    return [name for name in TARGETS if name in names]


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_of_a_user_without_rights_and_says_what_it_is(target: str) -> None:
    image = inspected("image", f"payments/{target}:{TAG}")
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == f"payments {target}"
    assert image["Config"]["Healthcheck"]["Test"]
    print(f"{target}: {image['Size'] / 1e6:.0f} MB")  # noqa: T201  # the size is to be seen


@pytest.mark.parametrize("target", chosen(UNSET))
def test_a_program_without_settings_names_them(target: str, run: Run) -> None:
    name = run(target)
    assert ended(name) == 2
    assert UNSET[target] in logs(name)


@pytest.mark.parametrize("target", chosen(LIVING))
def test_a_program_lives_without_its_servers_is_healthy_and_ends_when_it_is_asked_to(target: str, run: Run) -> None:
    command, settings = LIVING[target]
    name = run(target, *command, **NOWHERE | settings)
    port = settings.get("HTTP_PORT") or settings["METRICS_PORT"]
    assert b"alive" in answers(f"http://127.0.0.1:{port}/healthz", name)
    wait_until(
        lambda: inspected("container", name)["State"]["Health"]["Status"] == "healthy", SECONDS, lambda: logs(name)
    )
    engine("stop", "--time", str(GRACE_SECONDS), name, seconds=SECONDS)
    # 137 would be of a kill, after the time that it had.
    assert inspected("container", name)["State"]["ExitCode"] == 0, logs(name)


@pytest.mark.parametrize("target", chosen({"normalizer"}))
def test_flink_runs_in_the_normalizers_image(target: str, run: Run) -> None:
    places = {"jobmanager.rpc.address": "127.0.0.1", "jobmanager.rpc.port": 28082, "rest.port": 28083}
    settings = {**places, "rest.bind-port": 28083, "jobmanager.memory.process.size": "1100m"}
    properties = "\n".join(f"{name}: {value}" for name, value in settings.items())
    name = run(target, "jobmanager.sh", "start-foreground", FLINK_PROPERTIES=properties)
    assert b"flink-version" in answers("http://127.0.0.1:28083/overview", name)


@pytest.mark.parametrize("target", chosen({"operations"}))
def test_the_payments_command_explains_itself(target: str, run: Run) -> None:
    name = run(target, "--help")
    assert ended(name) == 0
    assert "trace" in logs(name)


@pytest.mark.parametrize("target", chosen({"analytics"}))
def test_dagster_loads_our_definitions_and_dbts_project_from_the_image(target: str, run: Run) -> None:
    servers = dict.fromkeys(("TRINO_HOST", "CATALOG_URI", "S3_ENDPOINT"), "127.0.0.1:1")
    lake = {"CATALOG_WAREHOUSE": "w", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b", "S3_REGION": "r"}
    urls = {name: f"http://{value}" for name, value in servers.items() if name != "TRINO_HOST"}
    settings = NOWHERE | lake | urls | {"TRINO_HOST": "127.0.0.1", "TRINO_PORT": "1", "TRINO_USER": "payments"}
    settings |= {"GATEWAY_PROVIDERS": "stripe", "POSTGRES_DSN": "postgresql://a:b@127.0.0.1:1/c"}
    settings |= {"DAGSTER_POSTGRES_URL": "postgresql+psycopg2://a:b@127.0.0.1:1/c"}
    settings |= {"DAGSTER_URL": "http://127.0.0.1:1", "TEMPORAL_HTTP_URL": "http://127.0.0.1:1"}
    # Its code server asks Postgres for runs before anything else: `make containers` has one.
    name = run(target, "-c", LOADED, entrypoint="python3", **settings)
    assert (ended(name), logs(name)) == (0, "silver\n")
