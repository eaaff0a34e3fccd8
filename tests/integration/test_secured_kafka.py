"""Clients come in at a broker that asks who they are, and may do there what the contracts give them."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest
from analytics.stream import Stream
from kit.errors import Fault, Transient
from kit.kafka import Consumer, Producer, Tail
from kit.kafka.reader import Reader
from kit.kafka.testing import acknowledged
from normalizer.connectors import kafka_options
from operations.audit.topics import Topics
from operations.errors import UnavailableError
from operations.stretches import Stretches
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ, raw_topic
from stack.servers import flink

from tests.integration.secured.kafka import Broker, broker
from tests.integration.secured.programs import context_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.settings import KafkaSettings

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]
RAW = raw_topic("stripe").name
FLINK_CLIENT = __file__.replace("test_secured_kafka.py", "secured/FlinkClient.java")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


async def write(settings: KafkaSettings, topic: str, value: bytes) -> None:
    producer = Producer(settings.kafka, "test", deadline_seconds=20)
    try:
        await producer.warm_up([topic])
        await acknowledged(partial(producer.produce, topic, b"merchant", value))
    finally:
        await producer.close()


def poll_for(consumer: Consumer, seconds: int) -> None:
    for _ in range(seconds):
        consumer.poll(10, 1.0)


def read(settings: KafkaSettings, topic: str) -> list[bytes | None]:
    with Reader(settings.kafka, [topic], group_id="archiver-test", client_id="test") as reader:
        reader.find({})
        for _ in range(20):
            if found := reader.poll(100, 1.0):
                return [each.value for each in found]
    return []


async def test_what_the_gateway_writes_the_archiver_reads_by_password_and_by_certificate(secured: Broker) -> None:
    await write(secured.user("gateway"), RAW, b"a webhook")
    assert b"a webhook" in await asyncio.to_thread(read, secured.user("archiver"), RAW)
    certificate = secured.authority.client("payments-archiver")
    assert b"a webhook" in await asyncio.to_thread(read, secured.bearer(certificate), RAW)


async def test_a_write_that_no_contract_gives_is_refused(secured: Broker) -> None:
    with pytest.raises(Fault, match=r"Kafka refuses this program: payments\.normalized.*contracts/services\.yaml"):
        await write(secured.user("gateway"), NORMALIZED.name, b"forged")


@pytest.mark.parametrize(
    ("service", "topic", "family"),
    # The archiver may write to no topic at all, so that it gets no producer's id.
    [("gateway", NORMALIZED.name, Transient), ("archiver", RAW, Fault)],
)
async def test_a_write_without_warming_up_is_refused_too(
    secured: Broker, service: str, topic: str, family: type[Exception]
) -> None:
    producer = Producer(secured.user(service).kafka, "test", deadline_seconds=20)
    try:
        with pytest.raises(family, match=r"contracts/services\.yaml"):
            await acknowledged(partial(producer.produce, topic, b"merchant", b"forged"))
        if family is Fault:
            assert "contracts/services.yaml" in str(producer.check())
    finally:
        await producer.close()


def test_a_read_that_no_contract_gives_is_refused(secured: Broker) -> None:
    with (
        Consumer(secured.user("orchestrator").kafka, "orchestrator-test", [RAW], client_id="test") as consumer,
        pytest.raises(Fault, match="Kafka refuses this program"),
    ):
        poll_for(consumer, 30)


def test_a_group_of_another_service_is_refused(secured: Broker) -> None:
    with (
        Consumer(secured.user("orchestrator").kafka, "archiver-test", [NORMALIZED.name], client_id="test") as consumer,
        pytest.raises(Fault, match="groups of a service begin with its name"),
    ):
        poll_for(consumer, 30)


def test_the_normalizer_sees_what_its_job_writes(secured: Broker) -> None:
    topics = (NORMALIZED.name, VALIDATION_DLQ.name)
    with closing(Tail(secured.user("normalizer").kafka, topics, client_id="normalizer-pacer")) as tail:
        assert tail.wait(1.0) == 0


def test_groups_of_others_are_told_to_who_observes_them(secured: Broker) -> None:
    topics = Topics(secured.user("operations").kafka)
    try:
        assert topics.committed("orchestrator", NORMALIZED.name) == {}
    finally:
        topics.close()
    with Stream(secured.user("analytics").kafka) as stream:
        assert stream.lags("orchestrator", [NORMALIZED.name]) == {NORMALIZED.name: 0}
        assert stream.contents([VALIDATION_DLQ.name])[VALIDATION_DLQ.name].records == 0


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"kafka_sasl_password": "wrong"}, "KAFKA_SASL_PASSWORD"),
        ({"kafka_sasl_username": "nobody"}, "KAFKA_SASL_USERNAME"),
        ({"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "KAFKA_SASL_MECHANISM"),
    ],
)
def test_a_wrong_password_names_its_setting(secured: Broker, changes: dict[str, str], setting: str) -> None:
    stretches = Stretches(secured.user("operations", **changes).kafka, passes_gaps=False, timeout_seconds=10)
    with closing(stretches), pytest.raises(UnavailableError, match=setting):
        stretches.bounds(RAW)


def test_an_unknown_authority_names_its_setting(secured: Broker) -> None:
    settings = secured.user("operations", kafka_tls_ca_file=secured.stranger.file)
    with (
        closing(Stretches(settings.kafka, passes_gaps=False, timeout_seconds=10)) as stretches,
        pytest.raises(UnavailableError, match="KAFKA_TLS_CA_FILE"),
    ):
        stretches.bounds(RAW)


def test_an_expired_certificate_of_the_broker_is_told(secured: Broker) -> None:
    certificate = secured.authority.client("payments-operations")
    settings = secured.bearer(certificate).model_copy(update={"kafka_bootstrap_servers": secured.expired})
    with (
        closing(Stretches(settings.kafka, passes_gaps=False, timeout_seconds=10)) as stretches,
        pytest.raises(UnavailableError, match="valid now"),
    ):
        stretches.bounds(RAW)


def test_a_certificate_that_the_broker_does_not_know_names_its_setting(secured: Broker) -> None:
    certificate = secured.stranger.client("payments-operations")
    with (
        closing(Stretches(secured.bearer(certificate).kafka, passes_gaps=False, timeout_seconds=10)) as stretches,
        pytest.raises(UnavailableError, match="KAFKA_TLS_CERTIFICATE_FILE"),
    ):
        stretches.bounds(RAW)


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_the_client_inside_flinks_connector_comes_in_by_the_same_settings(
    secured: Broker, tmp_path: Path, way: str
) -> None:
    settings = secured.user("normalizer")
    if way == "certificate":
        settings = secured.bearer(secured.authority.client("payments-normalizer"))
    options = {name.removeprefix("properties."): value for name, value in kafka_options(settings).items()}
    options["bootstrap.servers"] = settings.kafka_bootstrap_servers
    file = tmp_path / "client.properties"
    lines = (f"{name}={value.encode('unicode_escape').decode()}\n" for name, value in options.items())
    file.write_text("".join(lines))
    context = context_in(tmp_path)
    library = flink.environment_packages(context) / "pyflink" / "lib"
    jars = f"{context.tools.flink_connectors.target() / 'jars' / '*'}:{library / '*'}"
    answer = subprocess.run(
        [context.java, "-cp", jars, FLINK_CLIENT, str(file)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert NORMALIZED.name in answer.stdout.splitlines()
    # The topic of the gateway's dead letters is none of the normalizer's.
    assert "payments.ingestion.dlq" not in answer.stdout
