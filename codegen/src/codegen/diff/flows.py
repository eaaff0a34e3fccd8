"""Changes to topics and their readers, and to the stream's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.diff.change import Change, Section, others
from codegen.emit import flink
from codegen.lint.flows import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, Topic

_ATTRIBUTES = (
    "record",
    "version",
    "retired",
    "provider",
    "key",
    "partitions",
    "replicas",
    "max_message_bytes",
    "retention_days",
    "compatibility",
    "owner",
    "producers",
    "several_producers",
    "description",
)
# What of a topic its readers notice.
_NOTICED = ("record", "version", "retired", "key", "partitions", "retention_days", "compatibility")


_TOLD = frozenset({"kind", "name", "consumers", *_ATTRIBUTES})


def topics(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield topics that are new, gone or different."""
    for either, was, now in _pairs(old, new):
        name = either.name
        if now is None:
            yield Change(Section.TOPICS, name, "is gone", (("topic", name),))
        elif was is None:
            text = f"is new: {now.record} v{now.version}, {now.partitions} partitions, {now.retention_days} days"
            yield Change(Section.TOPICS, name, text, (("topic", name),))
        else:
            for attribute in _ATTRIBUTES:
                one, other = getattr(was, attribute), getattr(now, attribute)
                if one != other:
                    text = f"{attribute} {_worded(one)} → {_worded(other)}"
                    yield Change(Section.TOPICS, name, text, (("topic", name, attribute),))
            yield from others(Section.TOPICS, name, was.source, now.source, _TOLD)


def consumers(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield readers whose pin, or whose topic, is another."""
    for either, was, now in _pairs(old, new):
        name = either.name
        before, after = was.consumers if was else {}, now.consumers if now else {}
        concerns = [("topic", name), *(("topic", name, attribute) for attribute in _NOTICED)]
        for consumer in sorted(before.keys() | after.keys()):
            title = f"{consumer} on {name}"
            if now is None:
                text = "loses its topic"
            elif consumer not in before:
                text = f"begins to read, pinned to v{after[consumer]}"
            elif consumer not in after:
                text = "no longer reads"
            else:
                parts = [f"pin v{before[consumer]} → v{after[consumer]}"] if before[consumer] != after[consumer] else []
                parts += _noticed(was, now) if was else []
                parts += _versions(old, new, now)
                if not parts:
                    continue
                pinned = [] if before[consumer] != after[consumer] else [f"pinned to v{after[consumer]}"]
                text = "; ".join((*pinned, *parts))
            record = either.record
            given = (*old.records.get(record, ()), *new.records.get(record, ()))
            versions = [("version", record, str(each.version)) for each in given]
            own = ("topic", name, "consumers", consumer)
            yield Change(Section.CONSUMERS, title, text, (*concerns, own, ("record", record), *versions))


def columns(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield columns that are new, gone or of another type in a table that the stream had before and has now."""
    for either, was, now in _pairs(old, new):
        if was is None or now is None:
            continue
        name = either.name
        before, after = _flink(old, was), _flink(new, now)
        concerns = (("topic", name), ("topic", name, "version"), ("topic", name, "record"))
        table = flink.table_name(either)
        for column in dict.fromkeys((*before, *after)):
            title = f"{table}.{column}"
            if column not in before:
                yield Change(Section.FLINK, title, f"is new: {after[column]}", concerns)
            elif column not in after:
                yield Change(Section.FLINK, title, "is gone", concerns)
            elif before[column] != after[column]:
                yield Change(Section.FLINK, title, f"{before[column]} → {after[column]}", concerns)


def _flink(catalog: Catalog, topic: Topic) -> dict[str, str]:
    """Return the columns with which the normalizer reads or writes a topic; none if it does neither."""
    version = topic.consumers.get("normalizer") if topic.provider else None
    if version is None and "normalizer" in topic.producers:
        version = topic.version
    record = record_of(catalog, topic.record, version) if version else None
    return {column.name: column.type for column in flink.columns(record)} if record else {}


def _noticed(was: Topic, now: Topic) -> list[str]:
    found = [(name, getattr(was, name), getattr(now, name)) for name in _NOTICED]
    return [f"{name} {_worded(one)} → {_worded(other)}" for name, one, other in found if one != other]


def _versions(old: Catalog, new: Catalog, topic: Topic) -> list[str]:
    before = {each.version: each for each in old.records.get(topic.record, ())}
    after = {each.version: each for each in new.records.get(topic.record, ())}
    return [
        f"v{number}, which may be on the topic, is another"
        for number in topic.present
        if number in before and number in after and before[number].schema != after[number].schema
    ]


def _pairs(old: Catalog, new: Catalog) -> Iterator[tuple[Topic, Topic | None, Topic | None]]:
    before, after = ({topic.name: topic for topic in catalog.topics} for catalog in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield after.get(name) or before[name], before.get(name), after.get(name)


def _worded(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
