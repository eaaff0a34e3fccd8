"""A rule on sizes: a body that a gateway takes, the event that it becomes, and a dead letter of both fit a message.

A topic's `max_message_bytes` is the one number; clients' limits come from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.avro import Map, Primitive
from codegen.lint.flows import record_of
from codegen.rules import CutCharacters, MaxBytes, MaxCharacters, MaxEntries, Pattern, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.avro import Field
    from codegen.findings import Finding
    from codegen.model import Catalog, Topic
    from codegen.rules import Rules

# Beside a body: the headers that are kept (a gateway takes 32 KiB of headers), ids, reasons, and what Kafka adds.
_BESIDE = 65_536
_BYTES_OF_A_CHARACTER = 4
# A text has its length before it, at most so many bytes of it; a number has no more.
_LENGTH = 10
# Key, headers and framing of a message.
_FRAME = 2_048
# A record with this field is a dead letter: it holds what was read there.
_SOURCE = "source_topic"
_REMEDY = "lower what may be written, or raise max_message_bytes of the topic"

_REMEDY_OF_LETTERS = "raise max_message_bytes of the topic of dead letters"


def outgrown(catalog: Catalog) -> Iterator[Finding]:
    """Yield topics whose largest message is smaller than what may be written to them."""
    for topic in catalog.topics:
        place = ("max_message_bytes",)
        if topic.record == catalog.validation.record:
            yield from _events(catalog, topic)
            continue
        bodies = [each for each in catalog.providers if topic.provider in {None, each.name}]
        largest = max(bodies, key=lambda each: each.envelope.max_body_bytes, default=None)
        if largest is not None and largest.envelope.max_body_bytes + _BESIDE > topic.max_message_bytes:
            message = (
                f"{largest.name} may send {largest.envelope.max_body_bytes} bytes; with {_BESIDE} for what is beside a "
                f"body they do not fit into {topic.max_message_bytes}"
            )
            yield topic.source.finding("message-size", place, message, _REMEDY)
        yield from _dead_letters(catalog, topic)


def _dead_letters(catalog: Catalog, topic: Topic) -> Iterator[Finding]:
    record = record_of(catalog, topic.record, topic.version)
    if record is None or all(field.name != _SOURCE for field in record.fields):
        return
    read = [each for each in catalog.topics if set(topic.producers) & set(each.consumers)]
    largest = max(read, key=lambda each: each.max_message_bytes, default=None)
    if largest is not None and largest.max_message_bytes + _BESIDE > topic.max_message_bytes:
        message = (
            f"a record of {largest.name} may have {largest.max_message_bytes} bytes; with {_BESIDE} for what a dead "
            f"letter says of it, it does not fit into {topic.max_message_bytes}"
        )
        yield topic.source.finding("message-size", ("max_message_bytes",), message, _REMEDY_OF_LETTERS)


def _events(catalog: Catalog, topic: Topic) -> Iterator[Finding]:
    rules = catalog.validation
    # Contracts without any limit are of a time before there was one.
    if rules.texts is None:
        return
    record = record_of(catalog, topic.record, topic.version)
    total = _FRAME
    for field in record.fields if record else ():
        size = _most(field, rules)
        if size is None:
            message = f"nothing bounds how many bytes {field.name} may have"
            yield rules.source.finding("message-size", ("fields",), message, "give it max_bytes and max_entries")
            return
        total += size
    if total > topic.max_message_bytes:
        message = f"an event may have {total} bytes, and a message of {topic.name} {topic.max_message_bytes}"
        yield topic.source.finding("message-size", ("max_message_bytes",), message, _REMEDY)


def _most(field: Field, rules: Rules) -> int | None:
    """Return how many bytes a field may have in a message; None where nothing bounds it."""
    declared = rules.fields.get(field.name, ())
    match field.bare:
        case Primitive.STRING if rules.texts is not None:
            limits = [rule.value for rule in declared if isinstance(rule, MaxCharacters | CutCharacters)]
            closed = max(map(len, field.allowed), default=rules.texts.value)
            # A pattern or a list bounds a text more closely than any limit of all texts.
            exact = any(isinstance(rule, Pattern | Reference) for rule in declared)
            most = rules.texts.value if exact else min(limits, default=closed)
            return _LENGTH + most * _BYTES_OF_A_CHARACTER
        case Map():
            sizes = [rule.value for rule in declared if isinstance(rule, MaxBytes)]
            entries = [rule.value for rule in declared if isinstance(rule, MaxEntries)]
            return min(sizes) + min(entries) * 2 * _LENGTH if sizes and entries else None
        case _:
            return _LENGTH
