"""Topics, schemas and tables of the contracts on the real Kafka, registry and catalog."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

import httpx
import pytest
from confluent_kafka.admin import AdminClient
from kit.lake import load_catalog
from kit.settings import LakeSettings
from operations.drift import Subject
from operations.errors import DeploymentError
from operations.evolution import columns_up_to
from operations.registry import SchemaRegistry
from operations.schemas import find_drift, subject_of
from operations.tables import apply_tables
from operations.testing import RegistrationBehaviour, record
from operations.topics import apply_topics
from operations.warmup import warm_up
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED, TOPICS, Topic
from pyiceberg.catalog import Catalog
from pyiceberg.schema import Schema

from tests.integration.orchestration import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def topic() -> Topic:
    name = f"test.deployment.{uuid.uuid4().hex[:12]}"
    return replace(NORMALIZED, name=name, subject=f"{name}-value", partitions=2)


@pytest.fixture
def admin(stack: Mapping[str, str]) -> AdminClient:
    return AdminClient({"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"]})


@pytest.fixture
def registry(stack: Mapping[str, str]) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(stack["SCHEMA_REGISTRY_URL"]) as registry:
        yield registry


@pytest.fixture
def catalog(stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Catalog:
    for name, value in stack.items():
        monkeypatch.setenv(name, value)
    return load_catalog(LakeSettings())


def test_a_missing_topic_is_created_and_then_left_as_it_is(admin: AdminClient, topic: Topic) -> None:
    assert [change.action for change in apply_topics(admin, [topic], 1)] == ["created"]
    assert [change.action for change in apply_topics(admin, [topic], 1)] == ["unchanged"]
    admin.delete_topics([topic.name])[topic.name].result()


def test_a_changed_retention_and_a_changed_size_of_messages_are_applied(admin: AdminClient, topic: Topic) -> None:
    list(apply_topics(admin, [topic], 1))
    changed = replace(topic, retention_ms=60_000, max_message_bytes=1_100_000)
    (change,) = apply_topics(admin, [changed], 1)
    assert (change.action, change.detail) == ("updated", "retention.ms=60000, max.message.bytes=1100000")
    assert [change.action for change in apply_topics(admin, [changed], 1)] == ["unchanged"]
    admin.delete_topics([topic.name])[topic.name].result()


def test_another_number_of_partitions_is_refused_with_the_reason(admin: AdminClient, topic: Topic) -> None:
    list(apply_topics(admin, [topic], 1))
    with pytest.raises(DeploymentError, match="2 partitions, its contract says 3"):
        list(apply_topics(admin, [replace(topic, partitions=3)], 1))
    admin.delete_topics([topic.name])[topic.name].result()


# Tests beside it would create topics of their own in between.
@pytest.mark.alone
def test_brokers_are_warmed_up_without_a_trace(stack: Mapping[str, str], admin: AdminClient) -> None:
    before = set(admin.list_topics(timeout=30).topics)

    assert warm_up(stack["KAFKA_BOOTSTRAP_SERVERS"]) > 0

    # The controller answers that a topic is deleted before each broker has heard of it.
    wait_for("the deletion of the topic", lambda: set(admin.list_topics(timeout=30).topics) <= before, seconds=30)


class TestSchemaRegistry(RegistrationBehaviour):
    """The real registry does what the one in memory does, on subjects with a first word of their own."""

    @pytest.fixture
    def api(self, stack: Mapping[str, str]) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=stack["SCHEMA_REGISTRY_URL"], timeout=30) as client:
            yield client

    @pytest.fixture
    def subject(self) -> Subject:
        prefix = f"test{uuid.uuid4().hex[:12]}"
        return Subject(f"{prefix}.things-value", "thing", "FULL_TRANSITIVE", (record(), record("second")))


def test_the_registry_holds_what_the_contracts_say_and_nothing_that_a_service_registered(
    registry: SchemaRegistry,
) -> None:
    assert find_drift(registry, [subject_of(topic) for topic in TOPICS]) == ()


def test_a_table_is_created_as_its_contract_says_and_then_left_as_it_is(catalog: Catalog) -> None:
    table = replace(BRONZE_PAYMENT_EVENTS, name=f"deployment_{uuid.uuid4().hex[:12]}")
    assert [change.action for change in apply_tables(catalog, [table])] == ["created"]
    loaded = catalog.load_table((table.namespace, table.name))
    assert [str(field.transform) for field in loaded.spec().fields] == ["day"]
    assert [change.action for change in apply_tables(catalog, [table])] == ["unchanged"]
    catalog.drop_table((table.namespace, table.name))


def test_a_table_that_differs_from_its_contract_is_reported_by_column(catalog: Catalog) -> None:
    table = replace(BRONZE_PAYMENT_EVENTS, name=f"deployment_{uuid.uuid4().hex[:12]}")
    list(apply_tables(catalog, [table]))
    loaded = catalog.load_table((table.namespace, table.name))
    with loaded.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("card_brand")
    with pytest.raises(DeploymentError, match="column card_brand is missing"):
        list(apply_tables(catalog, [table]))
    catalog.drop_table((table.namespace, table.name))


def test_a_table_of_the_first_version_evolves_to_the_ids_of_a_new_one(catalog: Catalog) -> None:
    wanted = Schema.model_validate_json(BRONZE_PAYMENT_EVENTS.schema_json)
    first = replace(
        BRONZE_PAYMENT_EVENTS,
        name=f"deployment_{uuid.uuid4().hex[:12]}",
        schema_json=columns_up_to(wanted, BRONZE_PAYMENT_EVENTS.last_ids[0]).model_dump_json(),
        last_ids=BRONZE_PAYMENT_EVENTS.last_ids[:1],
    )
    newest = replace(BRONZE_PAYMENT_EVENTS, name=first.name)
    assert [change.action for change in apply_tables(catalog, [first])] == ["created"]
    (change,) = apply_tables(catalog, [newest])
    steps = [
        [field.name for field in wanted.fields if before < field.field_id <= last]
        for before, last in pairwise(newest.last_ids)
        if before < last
    ]
    assert steps[0] == ["currency_exponent", "provider_object_id", "attempt_number", "related_payment_id"]
    assert change.detail == "; ".join(f"added {', '.join(names)}" for names in steps)
    assert [change.action for change in apply_tables(catalog, [newest])] == ["unchanged"]
    assert catalog.load_table((newest.namespace, newest.name)).schema() == wanted
    catalog.drop_table((newest.namespace, newest.name))
