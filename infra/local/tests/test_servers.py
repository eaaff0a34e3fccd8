import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from stack import environment
from stack.applications import applications, deployment
from stack.context import Context
from stack.definition import select
from stack.gateways import gateways
from stack.jobs import Job, ordered
from stack.ports import Ports
from stack.processes import Item, Process
from stack.servers import catalog, flink, kafka, object_store, postgres, prometheus, registry, temporal, trino


@pytest.fixture
def items(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    shipped = tmp_path / "packages" / "pyflink" / "conf" / "config.yaml"
    shipped.parent.mkdir(parents=True)
    shipped.write_text("env: {java: {opts: {all: --add-opens=x}}}")
    monkeypatch.setattr(flink, "environment_packages", lambda _: tmp_path / "packages")
    servers = (postgres, object_store, kafka, registry, catalog, flink, trino, temporal, prometheus)
    infrastructure = [item for server in servers for item in server.items(context)]
    items = [*infrastructure, *deployment(context), *applications(context)]
    assert ordered([Job(item.name, lambda _: None, frozenset(item.after)) for item in items])
    return items


@pytest.fixture
def everything(items: list[Item]) -> list[Process]:
    return [item for item in items if isinstance(item, Process)]


def test_no_port_belongs_to_two_processes(everything: list[Process]) -> None:
    ports = [port for process in everything for port in process.ports]
    assert len(set(ports)) == len(ports)


def test_a_service_alone_brings_what_says_that_it_is_ready(
    context: Context, items: list[Item], everything: list[Process]
) -> None:
    owners = {str(getattr(context.ports, port)): each.name for each in everything for port in each.ports}
    for process in everything:
        brought = {item.name for item in select(items, [process.name], None)}
        asked = set(re.findall(r"\b\d{5}\b", repr(process.ready)))
        assert {owners[port] for port in asked & owners.keys()} <= brought, process.name


def test_nothing_is_configured_to_listen_beyond_loopback(everything: list[Process]) -> None:
    for process in everything:
        text = "\n".join([process.script(), *process.files.values()])
        assert not re.search(r"0\.0\.0\.0|\[::\]", text), process.name


def test_every_port_moves_with_the_offset(everything: list[Process]) -> None:
    unmoved = {str(port) for port in asdict(Ports()).values()}
    for process in everything:
        text = "\n".join([process.script(), *process.files.values()])
        assert not unmoved & set(re.findall(r"\b\d{5}\b", text)), process.name


def test_passwords_are_not_on_command_lines(context: Context, everything: list[Process]) -> None:
    for process in everything:
        for secret in context.secrets.values().values():
            assert secret.get_secret_value() not in " ".join(process.command), process.name


def test_temporal_takes_what_the_events_topic_may_hold(context: Context) -> None:
    topics = json.loads((context.places.repository / "generated" / "kafka" / "topics.json").read_text())["topics"]
    (largest,) = (each["config"]["max.message.bytes"] for each in topics if "orchestrator" in each["consumers"])
    limits = yaml.safe_load(temporal.dynamic_config(context))
    assert limits["limit.blobSize.error"][0]["value"] > 2 * int(largest)
    # A request that is larger than this never comes to be looked at.
    assert limits["limit.blobSize.error"][0]["value"] < 4 * 2**20 - 2**20


def test_temporal_remembers_workflows_until_their_rows_are_looked_up() -> None:
    # orchestrator.activities.lake looks events of more than a day ago up, since their workflows may be forgotten.
    assert int(temporal.RETENTION.removesuffix("s")) >= 24 * 3600


def test_the_configuration_of_temporal_names_both_stores(context: Context) -> None:
    config = yaml.safe_load(temporal.server_config(context))
    assert set(config["persistence"]["datastores"]) == {"default", "visibility"}


def test_flink_keeps_the_options_without_which_it_cannot_reflect(context: Context) -> None:
    config = yaml.safe_load(flink.config(context, "--add-opens=x"))
    assert config["env.java.opts.all"].split()[0] == "--add-opens=x"


def test_the_job_keeps_its_state_on_this_machines_disk(context: Context) -> None:
    variables = environment.shared(context.places, context.ports, context.secrets)
    assert variables["NORMALIZER_STATE_DIR"] == f"file://{context.places.data}/flink/state"


def test_a_password_with_special_characters_cannot_break_the_catalogs_file(context: Context) -> None:
    lines = catalog.properties(context).splitlines()
    assert all("=" in line for line in lines)


def test_services_find_their_secrets_in_the_environment(context: Context) -> None:
    variables = environment.shared(context.places, context.ports, context.secrets)
    for gateway in gateways(context.places):
        (secret,) = json.loads(variables[f"{gateway.prefix}SECRETS"])
        assert secret["secret"] == context.secrets.webhook_secrets[gateway.provider].get_secret_value()
    assert variables["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:24092"
    assert variables["NORMALIZER_SQL_DIR"] == str(context.places.repository / "generated" / "flink")


def test_addresses_of_spans_and_lineage_reach_those_that_send_them_alone(context: Context) -> None:
    names = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://spans", "OPENLINEAGE_URL": "http://lineage"}
    told = replace(
        context, otlp_endpoint=names["OTEL_EXPORTER_OTLP_ENDPOINT"], openlineage_url=names["OPENLINEAGE_URL"]
    )

    def known(context: Context) -> dict[str, dict[str, str]]:
        programs = {each.name: each.environment for each in applications(context)}
        return {
            name: found
            for name, environment in programs.items()
            if (found := {key: value for key, value in environment.items() if key in names})
        }

    spans, lineage = ({name: address} for name, address in names.items())
    dagster = ("dagster-code", "dagster-webserver", "dagster-daemon")
    gateways = ("gateway-stripe", "gateway-square")
    assert known(told) == {**dict.fromkeys((*gateways, "orchestrator"), spans), **dict.fromkeys(dagster, lineage)}
    assert known(context) == {}


def test_directories_that_others_may_not_enter_are_found(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert closed in postgres.closed_to_others([closed / "bin" / "postgres"])
