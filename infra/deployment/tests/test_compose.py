"""compose.yaml: written from the local stack's settings, valid, and enough for every program to start with."""

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from archiver.settings import Settings as ArchiverSettings
from gateway.settings import GatewaySettings
from inference.settings import Settings as InferenceSettings
from kit.settings import EnvironmentSettings, LakeSettings
from monitoring.alert import Severity
from normalizer.settings import NormalizerSettings
from operations.console.settings import ConsoleSettings
from operations.settings import DatabaseSettings, OperationsSettings, RecoverySettings
from orchestrator.settings import CommitterSettings, ConsumerSettings, ProgramSettings, WorkerSettings
from stack.context import Context
from stack.gateways import gateways
from stack.places import Places
from stack.ports import Ports
from stack.secrets import generate
from stack.servers import flink, kafka, prometheus, trino
from stack.settings import ObjectStore
from stack.tools.catalogue import toolbox
from typer.testing import CliRunner

from deployment.__main__ import FILE, REPOSITORY, app
from deployment.compose import compose, secrets

TEXT = FILE.read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if "PAYMENTS_REGISTRY" in each["image"]}
SPECIFICATION = json.loads(
    files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text(encoding="utf-8")
)
PROGRAMS: dict[str, tuple[type[EnvironmentSettings], ...]] = {
    "gateway-stripe": (GatewaySettings,),
    "gateway-square": (GatewaySettings,),
    "normalizer-stripe": (NormalizerSettings,),
    "normalizer-square": (NormalizerSettings,),
    "inference": (InferenceSettings,),
    "orchestrator": (ProgramSettings, ConsumerSettings, WorkerSettings, CommitterSettings),
    "archiver": (ArchiverSettings,),
    "topics": (OperationsSettings,),
    "schemas": (OperationsSettings,),
    "tables": (OperationsSettings,),
    "database": (DatabaseSettings,),
    "watch": (OperationsSettings, RecoverySettings),
    "console": (ConsoleSettings, RecoverySettings),
    "dagster-code": (LakeSettings, OperationsSettings, DatabaseSettings),
    "dagster-webserver": (LakeSettings,),
    "dagster-daemon": (LakeSettings,),
}
# Of the image, see infra/images/Dockerfile.
IN_IMAGES = {"HTTP_PORT": "8080", "METRICS_PORT": "9100", "FLINK_HOME": "/opt/flink", "NORMALIZER_SQL_DIR": "/opt/sql"}


def filled(text: str) -> str:
    """Return a text as compose hands it on, with a secret for each that is asked for."""
    usual = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return re.sub(r"\$\{(\w+):\?[^}]*\}", "a-long-enough-s3cret", usual).replace("$$", "$")


def errors(document: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SPECIFICATION).iter_errors(document)]


def test_what_is_committed_is_what_is_written() -> None:
    assert compose(REPOSITORY) == TEXT, "run `.venv/bin/python -m deployment`"


def test_a_check_fails_on_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    options = ["--output", str(path)]
    missing = CliRunner().invoke(app, [*options, "--check"])
    assert (missing.exit_code, path.exists()) == (1, False)
    assert f"{path} is not what" in missing.output
    assert CliRunner().invoke(app, options).exit_code == 0
    assert CliRunner().invoke(app, [*options, "--check"]).exit_code == 0
    path.write_text(TEXT + "# edited\n", encoding="utf-8")
    assert CliRunner().invoke(app, [*options, "--check"]).exit_code == 1
    assert path.read_text(encoding="utf-8").endswith("# edited\n")


def test_it_is_valid_by_the_specification_and_what_is_not_is_found() -> None:
    assert errors(COMPOSE) == []
    planted = json.loads(json.dumps(COMPOSE))
    planted["services"]["kafka"]["imagee"] = "x"
    assert any("imagee" in each for each in errors(planted))


def test_every_image_has_a_version() -> None:
    for name, each in SERVICES.items():
        assert re.search(r":[^:/]*\d+[^:/]*$", filled(each["image"])), name


def needed(name: str, profile: str) -> Iterator[str]:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if profile in SERVICES[other]["profiles"]:
            yield other
        else:
            assert not how.get("required", True), f"{name} needs {other}, which is not in {profile}"


@pytest.mark.parametrize("profile", ["small", "full"])
def test_a_profile_has_what_its_services_need_and_nothing_waits_for_itself(profile: str) -> None:
    waiting = {name: set(needed(name, profile)) for name, each in SERVICES.items() if profile in each["profiles"]}
    assert {"gateway-stripe", "orchestrator", "polaris"} <= set(waiting)
    started: set[str] = set()
    while ready := {name for name, needs in waiting.items() if needs <= started} - started:
        started |= ready
    assert started == set(waiting)


def test_who_is_waited_for_can_say_that_it_is_healthy_or_ends() -> None:
    for name, each in SERVICES.items():
        for other, how in each.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                of_the_image = other in OURS and not other.startswith(("dagster", "flink"))
                assert of_the_image or "healthcheck" in SERVICES[other], f"{name} waits for {other}"
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"].startswith("on-failure"), other


def test_volumes_and_configs_are_declared_and_used() -> None:
    named = {filled(each).partition(":")[0] for service in SERVICES.values() for each in service.get("volumes", [])}
    assert {each for each in named if not each.startswith(".")} == set(COMPOSE["volumes"])
    used = {each["source"] for service in SERVICES.values() for each in service.get("configs", [])}
    assert used == set(COMPOSE["configs"])


def test_three_brokers_keep_what_two_have_acknowledged_and_one_broker_is_alone() -> None:
    for name, each in SERVICES.items():
        if name.startswith("kafka"):
            copies, in_sync = ("1", "1") if name == "kafka" else ("3", "2")
            assert each["environment"]["KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR"] == copies
            assert each["environment"]["KAFKA_TRANSACTION_STATE_LOG_MIN_ISR"] == in_sync


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_of_ours_has_no_rights_and_writes_to_volumes_alone(name: str) -> None:
    each = OURS[name]
    assert (each["read_only"], each["cap_drop"], each["user"]) == (True, ["ALL"], "10001:10001")
    assert "no-new-privileges:true" in each["security_opt"]


def test_nothing_is_reached_from_other_machines_and_no_secret_is_written_down() -> None:
    assert all(port.startswith("127.0.0.1:") for each in SERVICES.values() for port in each.get("ports", []))
    for name, each in SERVICES.items():
        for variable, value in each.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|CREDENTIAL|ACCESS_KEY|PWD|TOKEN", variable):
                assert "${" in value, f"{name} {variable}"


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in PROGRAMS.items() for kind in kinds], ids=str
)
def test_a_program_finds_every_setting_that_it_needs(
    name: str, kind: type[EnvironmentSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (IN_IMAGES | OURS[name]["environment"]).items():
        monkeypatch.setenv(variable, filled(value))
    settings = kind()
    if isinstance(settings, LakeSettings):
        assert settings.token_url == "http://polaris:8181/api/catalog/v1/oauth/tokens"
        assert settings.catalog_scope == "PRINCIPAL_ROLE:ALL"


def test_every_container_of_ours_is_one_of_those_programs() -> None:
    assert set(OURS) == set(PROGRAMS) | {"flink-jobmanager", "flink-taskmanager"}


def test_a_gateway_has_no_secret_of_the_lake_or_the_database() -> None:
    variables = set(OURS["gateway-stripe"]["environment"])
    assert not [each for each in variables if each.startswith(("S3_", "CATALOG_", "POSTGRES_"))]


def local(tmp_path: Path) -> Context:
    here = Places(REPOSITORY, cache=tmp_path, state=tmp_path)
    passwords = generate(each.provider for each in gateways(here))
    tools = toolbox(here, tmp_path, ObjectStore.SEAWEEDFS)
    return Context(here, Ports(), passwords, tools, tmp_path, ObjectStore.SEAWEEDFS, inference_latency_ms="50-200")


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


# What says where something is, or how many there are, on one machine.
PLACES = re.compile(
    r"listener|\.dirs?$|quorum|replication\.factor|min\.isr|node\.id|rest-catalog\.(uri|warehouse)|s3[.-](endpoint|aws|access-key|secret)"
    r"|host|broker\.session|[.-]port|address|io\.tmp|python\.|storageDir|heartbeat|env\.java|reporter\.prom|upload"
)


def test_servers_have_the_settings_of_the_plain_processes(tmp_path: Path) -> None:
    context = local(tmp_path)
    broker = properties(kafka.properties(context))
    (lake,) = (text for path, text in trino.files(context, tmp_path).items() if path.name == "lake.properties")
    cluster = yaml.safe_load(flink.config(context, "options"))
    inside: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "kafka": (
            broker,
            {
                name: SERVICES["kafka-1"]["environment"].get(f"KAFKA_{name.upper().replace('.', '_')}")
                for name in broker
            },
        ),
        "trino": (properties(lake), properties(COMPOSE["configs"]["trino-lake"]["content"])),
        "flink": (cluster, yaml.safe_load(SERVICES["flink-jobmanager"]["environment"]["FLINK_PROPERTIES"])),
    }
    for name, (here, there) in inside.items():
        common = {each: value for each, value in here.items() if not PLACES.search(each)}
        assert len(common) > 5
        assert {each: there.get(each) for each in common} == common, name


def test_every_job_that_rules_know_is_scraped(tmp_path: Path) -> None:
    known = {each["job_name"] for each in yaml.safe_load(prometheus.config(local(tmp_path)))["scrape_configs"]}
    there = yaml.safe_load(COMPOSE["configs"]["prometheus"]["content"])["scrape_configs"]
    assert {each["job_name"] for each in there} == known
    hosts = {each["static_configs"][0]["targets"][0].partition(":")[0] for each in there}
    assert hosts <= set(SERVICES)


def test_alerts_go_where_an_installation_says_and_to_nobody_unless_it_does() -> None:
    config = next(each for each in SERVICES["alertmanager"]["volumes"] if "alertmanager.yml" in each)
    assert config == "${ALERTMANAGER_CONFIG:-./monitoring/alertmanager.yaml}:/etc/alertmanager/alertmanager.yml:ro"
    assert f"--config.file={config.split(':')[-2]}" in SERVICES["alertmanager"]["command"]
    usual = yaml.safe_load((FILE.parent / filled(config).split(":")[0]).read_text(encoding="utf-8"))
    text = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    (example,) = (
        yaml.safe_load(each) for each in re.findall(r"```yaml\n(.+?)```", text, re.DOTALL) if "receivers:" in each
    )
    for document in (usual, example):
        routes = [document["route"], *document["route"].get("routes", [])]
        assert {each["receiver"] for each in routes} == {each["name"] for each in document["receivers"]}
    # Severities are those that rules have.
    told = {value for route in example["route"]["routes"] for value in re.findall(r'severity="(\w+)"', str(route))}
    assert told <= set(map(str, Severity))


def test_another_choice_of_providers_is_one_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--providers", "adyen", "--output", str(tmp_path / "compose.yaml")])
    assert done.exit_code == 0
    written = yaml.safe_load((tmp_path / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {name for name in written if name.startswith("gateway")} == {"gateway-adyen"}
    assert CliRunner().invoke(app, ["--providers", "nobody", "--output", str(tmp_path / "x")]).exit_code == 1


def test_secrets_are_made_once_and_completed(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("S3_ACCESS_KEY_ID=mine\n", encoding="utf-8")
    for _ in range(2):
        assert CliRunner().invoke(app, ["secrets", "--output", str(file)]).exit_code == 0
    lines = file.read_text(encoding="utf-8").splitlines()
    assert sorted(line.partition("=")[0] for line in lines) == list(secrets(TEXT))
    assert "S3_ACCESS_KEY_ID=mine" in lines
    new = tmp_path / "new.env"
    CliRunner().invoke(app, ["secrets", "--output", str(new)])
    assert new.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["postgres-users", "buckets", "catalog", "temporal-schema", "temporal-namespace"])
def test_scripts_are_sound_once_compose_has_filled_them_in(name: str) -> None:
    script = filled(COMPOSE["configs"][name]["content"])
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    assert "$$" not in script
