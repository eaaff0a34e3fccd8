"""Rules on topics: what is on them stays readable, in order, and for as long as was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.breakage import Breakage, broken, gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, Topic

# What each level of compatibility promises; less than before is a broken promise.
_PROMISES = {
    "NONE": frozenset[str](),
    "BACKWARD": frozenset({"backward"}),
    "BACKWARD_TRANSITIVE": frozenset({"backward", "all backward"}),
    "FORWARD": frozenset({"forward"}),
    "FORWARD_TRANSITIVE": frozenset({"forward", "all forward"}),
    "FULL": frozenset({"backward", "forward"}),
    "FULL_TRANSITIVE": frozenset({"backward", "forward", "all backward", "all forward"}),
}


def removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics that are gone."""
    names = {topic.name for topic in new.topics}
    for topic in old.topics:
        if topic.name not in names:
            readers = ", ".join(topic.consumers)
            message = f"the topic {topic.name} is gone, and {readers} read it"
            yield gone(("topic", topic.name), topic.source, message, "put it back until nobody reads it")


def record_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics that hold another record."""
    for before, after in kept(old, new):
        if before.record != after.record:
            message = f"{after.name} held {before.record} and is to hold {after.record}"
            hint = "leave the topic as it is, and declare a new one for the other record"
            yield broken(_attribute(after, "record"), after.source, ("record",), message, hint)


def version_lowered(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics whose version goes back."""
    for before, after in kept(old, new):
        if before.record == after.record and after.version < before.version:
            message = (
                f"{after.name} goes back from v{before.version} to v{after.version}, and v{before.version} is on it"
            )
            hint = "leave the version; write the older content as a new version"
            yield broken(_attribute(after, "version"), after.source, ("version",), message, hint)


def retired_too_early(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield versions that are retired though they were still written at the earlier state."""
    for before, after in kept(old, new):
        for index, number in enumerate(after.retired):
            if before.record == after.record and number >= before.version and number not in before.retired:
                message = f"v{number} is retired on {after.name}, and was still written until this change"
                hint = (
                    f"first write v{after.version} alone; retire v{number} in a later change, "
                    f"{before.retention_days} days after the last v{number}"
                )
                yield broken(_attribute(after, "retired"), after.source, ("retired", index), message, hint)


def partitions_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics with another number of partitions."""
    for before, after in kept(old, new):
        if before.partitions != after.partitions:
            message = (
                f"{after.name} had {before.partitions} partitions and is to have {after.partitions}: "
                "a key moves to another partition, and its order is lost"
            )
            hint = "leave the number, or move to a new topic"
            yield broken(_attribute(after, "partitions"), after.source, ("partitions",), message, hint)


def key_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics with another key."""
    for before, after in kept(old, new):
        if before.key != after.key:
            message = f"{after.name} was keyed by {before.key} and is to be keyed by {after.key}: its order is another"
            yield broken(_attribute(after, "key"), after.source, ("key",), message, "leave the key, or use a new topic")


def retention_lowered(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics that keep their messages for less time."""
    for before, after in kept(old, new):
        if after.retention_days < before.retention_days:
            message = (
                f"{after.name} kept messages for {before.retention_days} days and is to keep them for "
                f"{after.retention_days}: Kafka deletes what is older at once"
            )
            hint = "leave the retention, or archive and agree with the consumers first"
            yield broken(_attribute(after, "retention_days"), after.source, ("retention_days",), message, hint)


def compatibility_lowered(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield subjects that promise less."""
    for before, after in kept(old, new):
        if _PROMISES[before.compatibility] - _PROMISES[after.compatibility]:
            message = f"{after.subject} was {before.compatibility} and is to be {after.compatibility}"
            hint = "leave the level: consumers rely on it"
            yield broken(_attribute(after, "compatibility"), after.source, ("compatibility",), message, hint)


def replicas_lowered(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics that are to bear the loss of fewer brokers."""
    for before, after in kept(old, new):
        if after.replicas < before.replicas:
            message = f"{after.name} had {before.replicas} copies and is to have {after.replicas}"
            hint = "leave the number: with fewer copies the loss of a broker is the loss of messages"
            yield broken(_attribute(after, "replicas"), after.source, ("replicas",), message, hint)


def provider_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield topics that hold the webhooks of another provider, or of none, though theirs is there."""
    present = {provider.name for provider in new.providers}
    for before, after in kept(old, new):
        if before.provider in present and before.provider != after.provider:
            message = (
                f"{after.name} held webhooks of {before.provider} and is to hold those of {after.provider or 'nobody'}"
            )
            hint = "leave it: what is on the topic would be read by another mapping"
            yield broken(_attribute(after, "provider"), after.source, ("provider",), message, hint)


def _attribute(topic: Topic, name: str) -> tuple[str, ...]:
    return ("topic", topic.name, name)


def kept(old: Catalog, new: Catalog) -> Iterator[tuple[Topic, Topic]]:
    """Yield the topics that both have, as they were and as they are."""
    after = {topic.name: topic for topic in new.topics}
    yield from ((topic, after[topic.name]) for topic in old.topics if topic.name in after)
