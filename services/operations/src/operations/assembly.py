"""Puts the census together from the real servers."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

from kit.kafka import AvroDecoder, RegistryClient
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, VALIDATION_DLQ, Topic, raw_topic

from operations.census import Census
from operations.ledger import Entry
from operations.operational import OperationalDatabase
from operations.records import TopicReader, Undecodable
from operations.settings import OperationsSettings
from operations.warehouse import Warehouse


@contextmanager
def open_census(
    settings: OperationsSettings, entries: Sequence[Entry], since: datetime, undecodable: Undecodable
) -> Iterator[Census]:
    """Open the topics from `since` on, and the lake, for as long as the context lasts.

    What is in a topic and no record of it is counted in `undecodable`.
    """
    warehouse = Warehouse(settings.trino, settings.trino_catalog)
    with ExitStack() as stack:
        registry = stack.enter_context(RegistryClient(settings.registry))

        def read(topic: Topic) -> TopicReader:
            decoder = AvroDecoder(registry, schema(topic.record, topic.version))
            reader = TopicReader(settings.kafka, topic.name, since, decoder.decode, undecodable)
            stack.callback(reader.close)
            return reader

        topics = {
            "raw": [read(raw_topic(provider)) for provider in sorted({entry.provider for entry in entries})],
            "ingestion_dlq": [read(INGESTION_DLQ)],
            "normalized": [read(NORMALIZED)],
            "validation_dlq": [read(VALIDATION_DLQ)],
        }
        dsn = settings.postgres_dsn
        yield Census(entries, topics, warehouse, None if dsn is None else OperationalDatabase(dsn))
