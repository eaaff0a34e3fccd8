"""Topics, Avro schemas and registry subjects: `topics.py`, `schemas.py`, `kafka/*.json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codegen.text import PACKAGE, constant, dumped, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Topic

_MILLIS_PER_DAY = 86_400_000
SEGMENT_MS = _MILLIS_PER_DAY
"""How long a file of a topic is written to: so much longer than its retention may a record stay."""


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield what producers, consumers and deploy steps need to know of Kafka."""
    yield render(
        f"{PACKAGE}/topics.py",
        "topics.py",
        notice=notice("contracts/topics"),
        topics=[(topic_constant(topic), topic, topic.retention_days * _MILLIS_PER_DAY) for topic in catalog.topics],
        segment_ms=SEGMENT_MS,
        raw=[(topic.provider, topic_constant(topic)) for topic in catalog.topics if topic.provider],
    )
    yield render(
        f"{PACKAGE}/schemas.py",
        "schemas.py",
        notice=notice("contracts/avro"),
        schemas=[
            (each.name, each.version, f"_{constant(each.name)}_V{each.version}", _chunks(each.schema))
            for versions in catalog.records.values()
            for each in versions
        ],
        versions={name: tuple(each.version for each in versions) for name, versions in catalog.records.items()},
    )
    yield dumped(
        "kafka/topics.json", {"source": "contracts/topics", "topics": [_topic(each) for each in catalog.topics]}
    )
    yield dumped(
        "kafka/subjects.json",
        {
            "source": "contracts/topics, contracts/avro",
            "subjects": [_subject(catalog, each) for each in catalog.topics],
        },
    )


def topic_constant(topic: Topic) -> str:
    """Return the name of a topic's constant."""
    return constant(topic.name.removeprefix("payments."))


def config(topic: Topic) -> dict[str, str | int]:
    """Return a topic's settings, as Kafka calls them, on every cluster."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": topic.retention_days * _MILLIS_PER_DAY,
        # Kafka deletes segments: a record stays until the newest beside it is old enough, a week more unless said.
        "segment.ms": SEGMENT_MS,
        "max.message.bytes": topic.max_message_bytes,
    }


def _topic(topic: Topic) -> dict[str, object]:
    return {
        "name": topic.name,
        "description": topic.description,
        "partitions": topic.partitions,
        "replicas": topic.replicas,
        "min_insync_replicas": topic.min_insync_replicas,
        "config": {name: str(value) for name, value in config(topic).items()},
        "key": topic.key,
        "owner": topic.owner,
        "producers": list(topic.producers),
        "consumers": dict(topic.consumers),
    }


def _subject(catalog: Catalog, topic: Topic) -> dict[str, object]:
    return {
        "subject": topic.subject,
        "topic": topic.name,
        "record": topic.record,
        "compatibility": topic.compatibility,
        "versions": [
            {"version": each.version, "schema": json.loads(each.schema)} for each in catalog.records[topic.record]
        ],
    }


def _chunks(schema: str) -> list[str]:
    """Return a schema's text in pieces of one field each, so that a change shows as a change of one line."""
    return schema.replace('},{"name":', '},\n{"name":').replace('"fields":[', '"fields":[\n').split("\n")
