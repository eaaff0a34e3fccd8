"""`payments peek`: what a topic holds."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import nlargest, nsmallest
from typing import Annotated

import typer
from kit.kafka import AvroDecoder, Message, RegistryClient
from kit.settings import KafkaSettings, RegistrySettings, load
from payments_contracts.schemas import schema
from payments_contracts.topics import TOPICS, Topic

from operations.peek.records import Shown, Wanted, as_object, decoded, line
from operations.recovery.filters import instant
from operations.recovery.scan import Scanner
from operations.recovery.topics import Decoder
from operations.shown import printable

app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True)
_FOLLOW_SECONDS = 0.5
_TIMEOUT_SECONDS = 5.0
# Looked through from the end of each partition for records that are wanted.
_DEPTH = 5_000
_PREFIX = "payments."


class PeekSettings(KafkaSettings, RegistrySettings):
    """Where Kafka and the registry are."""


@app.callback()
def _commands() -> None:
    """Show what a topic holds."""


@app.command()
def peek(
    name: Annotated[
        str, typer.Argument(metavar="TOPIC", help="A topic of the contracts; `payments.` may be left out.")
    ],
    *,
    count: Annotated[
        int, typer.Option(min=1, help="Most records to show: the newest, or with --since the first.")
    ] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Written at this time or later: 2026-11-24T10:30 (UTC), or 90m, 36h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Written before this time.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="FIELD=VALUE that a record has to have; may be repeated: of one field, any of the values."),
    ] = None,
    personal: Annotated[
        bool,
        typer.Option(
            "--personal",
            help="Show bodies, values of foreign headers, keys that are not the contract's, and what else may be about "
            "a person too.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Decode records of a topic and print one a line, the oldest first; joins no group.

    Without --since the last 5,000 offsets of each partition are looked through.
    """
    topic, wanted = _topic(name), _wanted(_topic(name), where or [])
    now = datetime.now(UTC)
    try:
        first, last = (None if text is None else instant(text, now) for text in (since, until))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    settings = load(PeekSettings)
    scanner = Scanner(settings.kafka, _TIMEOUT_SECONDS)
    try:
        with RegistryClient(settings.registry, patience_seconds=_TIMEOUT_SECONDS) as registry:
            decoder = AvroDecoder(registry, schema(topic.record, topic.consumers["operations"]))
            ends = scanner.ends(topic.name)
            if first is not None or last is not None:
                messages: Iterable[Message] = scanner.scan(topic.name, first, last)
                shown = nsmallest(count, decoded(messages, decoder, wanted), key=_at)
            else:
                begin = {number: max(0, end - _DEPTH) for number, end in ends.items()}
                found = decoded(scanner.tail(topic.name, begin), decoder, wanted)
                shown = nlargest(count, found, key=_at)
            print_records(sorted(shown, key=_at), personal=personal, as_json=as_json)
            if follow:
                for each in _follow(scanner, topic, ends, decoder, wanted):
                    print_records([each], personal=personal, as_json=as_json)
    except KeyboardInterrupt:
        return
    finally:
        scanner.close()
    if not shown and not follow:
        sys.stderr.write(f"no such record in {topic.name}\n")
        raise typer.Exit(1)


def _follow(scanner: Scanner, topic: Topic, ends: dict[int, int], decoder: Decoder, wanted: Wanted) -> Iterator[Shown]:
    """Yield what is written behind some offsets, for as long as it is asked for."""
    while True:
        time.sleep(_FOLLOW_SECONDS)
        messages = list(scanner.tail(topic.name, ends))
        for message in messages:
            ends[message.partition] = message.offset + 1
        yield from sorted(decoded(messages, decoder, wanted), key=_at)


def _topic(name: str) -> Topic:
    known = {topic.name: topic for topic in TOPICS}
    found = known.get(name) or known.get(f"{_PREFIX}{name}")
    if found is None:
        raise typer.BadParameter(f"no topic {name!r}; there are {', '.join(sorted(known))}")
    return found


def _wanted(topic: Topic, where: list[str]) -> Wanted:
    fields = {field["name"] for field in json.loads(schema(topic.record, topic.consumers["operations"]))["fields"]}
    found: dict[str, set[str]] = {}
    for each in where:
        name, equals, value = each.partition("=")
        if not equals or name not in fields:
            raise typer.BadParameter(f"{each!r} is not FIELD=VALUE of {topic.record}: {', '.join(sorted(fields))}")
        found.setdefault(name, set()).add(value)
    return Wanted({name: frozenset(values) for name, values in found.items()})


def _at(shown: Shown) -> int:
    return shown.message.timestamp


def print_records(shown: Iterable[Shown], *, personal: bool, as_json: bool) -> None:
    """Print records, one a line."""
    for each in shown:
        if as_json:
            text = json.dumps(as_object(each, personal=personal), ensure_ascii=False)
        else:
            text = line(each, personal=personal)
        sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()
