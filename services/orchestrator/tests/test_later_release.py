"""A rollout in the wrong order: the normalizer writes a version of the event that this release does not know.

docs/rollout.md says what becomes of it. Messages, decoder, router, source, bridge and limit are the real ones; Kafka,
Temporal and the topic of dead letters are in memory.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from kit.errors import Fault
from kit.kafka import AvroDecoder, AvroEncoder, Message, Partition
from kit.poison import Tolerance
from orchestrator.bridge import Bridge
from orchestrator.letters import of_record
from orchestrator.messages import DeadLetter
from orchestrator.refusals import Refusals
from orchestrator.routing import HANDLERS, PIN, Handler, Router
from orchestrator.source import Arrival, GiveUp, KafkaSource, Poison
from payments_contracts.pins.orchestrator import PaymentEvent, ValidationFailure
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED

from services.orchestrator.tests.bridging import Gate, MakeEvent, Workflows, run_until

Revoked = Callable[[Sequence[Partition]], None]
PLACE = Partition(NORMALIZED.name, 0)
LATER = NORMALIZED.version + 1
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def later_schema() -> str:
    written = json.loads(schema(NORMALIZED.record, NORMALIZED.version))
    written["fields"].append({"name": "note", "type": ["null", "string"], "default": None, "doc": "A word."})
    return json.dumps(written)


class Registry:
    """Knows the schema of each version by its number, that of the later one too: it was registered first."""

    def text(self, schema_id: int) -> str:
        return later_schema() if schema_id == LATER else schema(NORMALIZED.record, schema_id)


class Stream:
    """A partition of the topic and the offset that its group has committed."""

    def __init__(self, event: PaymentEvent) -> None:
        self._event = event
        self.messages: list[Message] = []
        self.committed = 0

    def write(self, version: int, count: int = 1) -> None:
        """Write events as the normalizer of a version does; a later one fills its new field."""
        text = Registry().text(version)
        for offset in range(len(self.messages), len(self.messages) + count):
            said: dict[str, object] = {"event_id": name_of(offset), "schema_version": version}
            said |= {"note": f"note {offset}"} if version == LATER else {}
            value = AvroEncoder(text, version).encode(self._event.model_dump() | said)
            self.messages.append(Message(PLACE.topic, PLACE.number, offset, 0, b"merch_1", value))


def name_of(offset: int) -> str:
    return str(uuid5(NAMESPACE_OID, str(offset)))


class Member:
    """The one member of the stream's group; it begins at the committed offset."""

    def __init__(self, stream: Stream, revoked: Revoked) -> None:
        self._stream = stream
        self._revoked = revoked
        self._position = stream.committed

    def assignment(self) -> list[Partition]:
        return [PLACE]

    def poll(self, limit: int, _: float) -> list[Message]:
        found = self._stream.messages[self._position : self._position + limit]
        self._position += len(found)
        return found

    def pause(self, _: Sequence[Partition]) -> None:
        """Nothing is read but by `poll`."""

    def resume(self, _: Sequence[Partition]) -> None:
        """See `pause`."""

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        self._stream.committed = next_offsets.get(PLACE, self._stream.committed)
        return True

    def check(self) -> str | None:
        return None

    def close(self) -> None:
        self._revoked([PLACE])


class Letters:
    """Keeps the dead letters, as they would be on their topic."""

    def __init__(self) -> None:
        self.kept: list[ValidationFailure] = []

    async def write(self, letter: DeadLetter) -> None:
        raise AssertionError(f"an event was refused: {letter.reason_code}")

    async def bury(self, poison: Poison) -> None:
        self.kept.append(of_record(poison, NOW))

    @property
    def offsets(self) -> list[int]:
        return sorted(each.source_offset for each in self.kept)


class Release:
    """The orchestrator of a release, and all that it and its successor have done."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.workflows = Workflows()
        self.letters = Letters()

    async def run(
        self, until_committed: int, handlers: Mapping[int, Handler] = HANDLERS, *, later_at: int | None = None
    ) -> None:
        """Run it until an offset is committed, or it stops by itself; 40 later events come when another one is."""
        router = Router(AvroDecoder(Registry(), schema(NORMALIZED.record, PIN)).decode, handlers)
        refusals = Refusals(self.letters, Tolerance())

        def open_source(give_up: GiveUp) -> KafkaSource:
            def member(revoked: Revoked) -> Any:
                return Member(self._stream, revoked)

            return KafkaSource(member, router, give_up)

        async def start(arrival: Arrival) -> None:
            await self.workflows.start(arrival)
            refusals.passed()

        def is_done() -> bool:
            if self._stream.committed == later_at == len(self._stream.messages):
                self._stream.write(LATER, 40)
            return self._stream.committed == until_committed

        bridge = Bridge(open_source, start, refusals.refuse, Gate(), commit_seconds=0.005)
        await run_until(bridge, is_done)

    @property
    def started(self) -> set[str]:
        return set(self.workflows.started)


@pytest.fixture
def stream(make_event: MakeEvent) -> Stream:
    return Stream(make_event())


def names(*offsets: int) -> set[str]:
    return set(map(name_of, offsets))


async def test_the_first_few_are_dead_letters_and_it_stops_and_says_why(stream: Stream) -> None:
    stream.write(PIN, 10)
    release = Release(stream)
    with pytest.raises(Fault, match=r"11 of 21 records of payments\.normalized .*: version_unknown \(11\); at .*@10"):
        await release.run(50, later_at=10)
    assert release.started == names(*range(10))
    assert release.letters.offsets == [*range(10, 20)]
    assert stream.committed == 20, "each of the former ones has its workflow or its letter, all others stay in Kafka"


async def test_where_it_stops_beside_events_that_are_being_started_it_passes_over_none_of_them(stream: Stream) -> None:
    stream.write(PIN, 10)
    stream.write(LATER, 40)
    release = Release(stream)
    # All come with one poll: the refusals are faster than the workflows.
    with pytest.raises(Fault, match="version_unknown"):
        await release.run(50)
    done = release.started | names(*release.letters.offsets)
    assert names(*range(stream.committed)) <= done
    await release.run(50, {**HANDLERS, LATER: PaymentEvent.model_validate})
    assert release.started | names(*release.letters.offsets) == names(*range(50))


async def test_a_dead_letter_has_the_field_that_this_release_does_not_know(stream: Stream) -> None:
    stream.write(LATER)
    release = Release(stream)
    await release.run(1)
    (letter,) = release.letters.kept
    assert letter.reason_codes == ["version_unknown"]
    assert (letter.event_id, letter.source_topic) == (name_of(0), NORMALIZED.name)
    assert letter.payload == stream.messages[0].value
    assert AvroDecoder(Registry(), later_schema()).decode(letter.payload)["note"] == "note 0"


async def test_events_of_the_version_that_it_knows_go_on_between_them(stream: Stream) -> None:
    for _ in range(10):
        stream.write(PIN)
        stream.write(LATER)
    release = Release(stream)
    await release.run(20)
    assert release.started == names(*range(0, 20, 2))
    assert release.letters.offsets == [*range(1, 20, 2)]


async def test_a_few_alone_do_not_stop_it(stream: Stream) -> None:
    stream.write(LATER, 5)
    release = Release(stream)
    await release.run(5)
    assert release.letters.offsets == [*range(5)]


async def test_started_again_it_takes_a_few_more_and_stops_and_a_release_that_knows_the_version_takes_the_rest(
    stream: Stream,
) -> None:
    stream.write(PIN, 10)
    release = Release(stream)
    for _ in range(2):
        with pytest.raises(Fault, match="version_unknown"):
            await release.run(50, later_at=10)
    assert (stream.committed, release.letters.offsets) == (25, [*range(10, 25)])

    await release.run(50, {**HANDLERS, LATER: PaymentEvent.model_validate})
    assert release.letters.offsets == [*range(10, 25)]
    assert release.started == names(*range(10), *range(25, 50)), "with the letters: all, and none twice"
    assert len(release.workflows.started) == 35
