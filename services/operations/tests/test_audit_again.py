"""How many records of a topic were written again by people."""

from collections.abc import Iterator, Mapping

import pytest
from kit.kafka import Message
from kit.settings import KafkaSettings
from operations.audit import topics
from operations.recovery.sending import RUN_HEADER
from operations.stretches import Offsets


class Log:
    """One partition of ten records, of which the first two are deleted; each third was redriven."""

    def __init__(self, *_: object, **__: object) -> None:
        self.read_from: list[Offsets] = []

    def bounds(self, _: str) -> Mapping[int, tuple[int, int]]:
        return {0: (2, 10)}

    def read(self, topic: str, start: Offsets, end: Offsets) -> Iterator[Message]:
        self.read_from.append(start)
        for offset in range(start[0], end[0]):
            headers = {RUN_HEADER: b"run"} if offset % 3 == 0 else {"traceparent": b"x"}
            yield Message(topic, 0, offset, 0, None, None, headers)


def test_records_with_the_header_of_a_run_are_counted_as_far_as_they_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topics, "Stretches", Log)
    reader = topics.Topics(KafkaSettings(kafka_bootstrap_servers="nowhere:9092").kafka)
    assert reader.written_again("raw", {0: 0}, {0: 10}) == 3
    assert reader.written_again("raw", {0: 4}, {0: 9}) == 1
    assert reader.written_again("raw", {0: 10}, {0: 10}) == 0
    assert reader.written_again("raw", {}, {0: 10}) == 0, "nothing was kept of a look before"
    assert reader.written_again("raw", {0: 12}, {0: 10}) == 0, "the topic was cut"
    assert reader._stretches.read_from == [{0: 2}, {0: 4}]  # type: ignore[attr-defined]
