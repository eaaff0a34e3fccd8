"""Messages that no record can be read from are passed by and told of."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from kit.errors import Rejected, Transient
from kit.kafka import Message
from operations.records import TopicReader, Undecodable
from operations.report import print_undecodable
from rich.console import Console


class Stretch:
    """A topic of one partition; offsets are places in the list of values."""

    def __init__(self, values: list[bytes | None]) -> None:
        self.values = values

    def locate(self, _topic: str, _since: datetime) -> Mapping[int, int]:
        return {0: 0}

    def bounds(self, _topic: str) -> Mapping[int, tuple[int, int]]:
        return {0: (0, len(self.values))}

    def read(self, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[Message]:
        for offset in range(starts[0], ends[0]):
            yield Message(topic, 0, offset, 0, None, self.values[offset])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stretch, Undecodable], TopicReader]:
    def open_reader(stretch: Stretch, undecodable: Undecodable) -> TopicReader:
        monkeypatch.setattr("operations.records.Stretches", lambda *_, **__: stretch)
        return TopicReader("unused", "payments.raw", datetime.now(UTC), decode, undecodable)

    return open_reader


def decode(value: bytes) -> dict[str, Any]:
    if value == b"away":
        raise Transient("the registry does not answer")
    if not value.startswith(b"\0"):
        raise Rejected("The message does not begin with a zero byte and a schema id.", "wire_format")
    return {"event_id": value[1:].decode()}


def test_what_is_no_record_is_passed_by_once_and_what_is_behind_it_is_read(opened: Any) -> None:
    stretch, undecodable = Stretch([b"\0a", b"plain text", None, b"\0b"]), Undecodable()
    reader = opened(stretch, undecodable)

    assert [record["event_id"] for record in reader.read_new()] == ["a", "b"]
    stretch.values.append(b"\0c")
    assert [record["event_id"] for record in reader.read_new()] == ["c"]
    assert undecodable.counts == {"payments.raw": 2}
    assert undecodable.firsts["payments.raw"].startswith("partition 0, offset 1: The message does not begin")


def test_a_registry_that_does_not_answer_is_not_passed_by(opened: Any) -> None:
    with pytest.raises(Transient):
        list(opened(Stretch([b"\0a", b"away"]), Undecodable()).read_new())


def test_each_topic_says_how_many_were_passed_by_and_where_the_first_is() -> None:
    undecodable = Undecodable()
    for offset in (7, 9):
        undecodable.note(Message("a.raw", 2, offset, 0, None, b"x"), "The message has no value.")
    undecodable.note(Message("b.raw", 0, 1, 0, None, b"x"), "The body is not one record of schema 4.")
    console = Console(record=True, width=80)

    print_undecodable(undecodable, console)

    first, second = console.export_text().splitlines()
    assert first == (
        "a.raw: 2 messages were passed by, no record of the contracts; the first at partition 2, offset 7: "
        "The message has no value."
    )
    assert second.startswith("b.raw: 1 message was passed by")
