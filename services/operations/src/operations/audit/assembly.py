"""Puts the auditor together from the real servers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from kit.clock import Clock, utc_now
from kit.kafka import RegistryClient
from kit.settings import KafkaSettings, RegistrySettings, TrinoSettings
from payments_contracts.providers import PROVIDERS
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import NORMALIZED, raw_topic, topics_of
from pydantic import Field, SecretStr, field_validator

from operations.audit import gateways
from operations.audit.archive import ArchiveRows
from operations.audit.balance import Progress
from operations.audit.database import AuditDatabase
from operations.audit.gateways import Acknowledged
from operations.audit.hops import ARCHIVER
from operations.audit.lake import LakeRows
from operations.audit.look import Auditor, Patience
from operations.audit.ports import Places
from operations.audit.stream import DEAD_LETTERS, StreamReader
from operations.audit.topics import Topics
from operations.warehouse import Warehouse

_IN_FLIGHT = timedelta(seconds=60)
"""Longer than a webhook waits at the gateway for its record's acknowledgement."""


class AuditSettings(KafkaSettings, RegistrySettings, TrinoSettings):
    """Addresses of the servers, whose webhooks this installation receives, and the groups whose progress counts."""

    postgres_dsn: SecretStr = Field(min_length=1, description="Of a role that may write the audit's tables.")
    gateway_providers: str = Field(default="", description="Names with commas between them; empty for all.")
    normalizer_group_id: str = Field(default="normalizer", min_length=1)
    dbt_schema_suffix: str = Field(default="", pattern=r"^\w*$", description="As dbt has it.")
    archive_group_suffix: str = Field(default="", description="As the archiver has it.")
    consumer_group: str = Field(default="orchestrator", min_length=1)

    @field_validator("gateway_providers")
    @classmethod
    def _are_known(cls, names: str) -> str:
        topics_of(names)
        return names

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers whose webhooks this installation receives."""
        topics = {topic.name for topic in topics_of(self.gateway_providers)}
        return tuple(each for each in PROVIDERS if raw_topic(each).name in topics)


def readers(settings: AuditSettings) -> Iterator[tuple[str, str, bool]]:
    """Yield each group with what it reads, and whether nothing can be expected before it has read."""
    for provider in settings.providers:
        name = raw_topic(provider).name
        yield settings.normalizer_group_id, name, True
        yield f"{ARCHIVER}{BRONZE_PROVIDER_EVENTS.name}{settings.archive_group_suffix}", name, False
    for name in sorted(DEAD_LETTERS):
        yield f"{ARCHIVER}{BRONZE_QUARANTINE.name}{settings.archive_group_suffix}", name, False
    yield settings.consumer_group, NORMALIZED.name, True


@contextmanager
def open_auditor(
    settings: AuditSettings,
    database: AuditDatabase,
    patience: Patience,
    tell: Callable[[str], None],
    clock: Clock = utc_now,
) -> Iterator[Auditor]:
    """Open topics, registry and lake for as long as the context lasts."""
    with ExitStack() as stack:
        topics = Topics(settings.kafka)
        stack.callback(topics.close)
        registry = stack.enter_context(RegistryClient(settings.registry))
        warehouse = Warehouse(settings.trino, settings.trino_catalog)
        where = gateways.addresses(settings.providers)

        def progress() -> Sequence[Progress]:
            return [
                Progress(group, topic, topics.bounds(topic), topics.committed(group, topic), required)
                for group, topic, required in readers(settings)
            ]

        def acknowledged(last_said: Mapping[str, int]) -> tuple[Acknowledged, ...]:
            found = []
            for provider, url in where.items():
                topic = raw_topic(provider).name
                before = topics.locate(topic, utc_now() - _IN_FLIGHT)
                answers = gateways.ask(url)
                if answers is not None:
                    asked_at = utc_now()
                    after = {partition: end for partition, (_, end) in topics.bounds(topic).items()}
                    then = gateways.said(provider, last_said)
                    compared = gateways.can_compare(answers, then, asked_at)
                    again = topics.written_again(topic, then.records, after) if compared else 0
                    found.append(Acknowledged(provider, answers, before, after, asked_at, again))
            return tuple(found)

        yield Auditor(
            Places(
                StreamReader(topics, registry, settings.providers),
                LakeRows(warehouse, settings.dbt_schema_suffix),
                ArchiveRows(warehouse),
                database,
            ),
            progress,
            acknowledged,
            patience=patience,
            clock=clock,
            tell=tell,
        )
