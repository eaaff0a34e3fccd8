"""Messages that cannot be used, on real Kafka, registry and Flink: they stop nobody, and many stop their own job."""

import signal
import struct
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from payments_contracts.identity import malformed_event_id
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

from tests.integration.normalization import Program, jobs, until
from tests.integration.raw_stream import STREAMED, Stream

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.flink]

GOOD = {
    provider: next(each for each in STREAMED if each.provider == provider and each.kind == "accepted")
    for provider in ("stripe", "square")
}
UNKNOWN_SCHEMA = struct.pack(">bI", 0, 1_000_000) + b"body"
ODD: Mapping[bytes, str] = {
    b"": "wire_format",
    b'{"id": "evt_1"}': "wire_format",
    UNKNOWN_SCHEMA: "schema_unknown",
    struct.pack(">bI", 0, 1) + b"\xff" * 20: "avro_unreadable",
}
MOST = len(ODD) + 2


def test_a_message_that_cannot_be_used_stops_nobody_and_many_stop_their_own_job(
    stack: Mapping[str, str], program_of: Callable[..., Program], stream: Stream, job_name: str
) -> None:
    stripe, square = program_of("stripe", NORMALIZER_UNUSABLE_COUNT=str(MOST)), program_of("square")
    stripe.start()
    square.start()

    def written(odd: bytes) -> str:
        event_id = malformed_event_id(odd)
        stream.write("stripe", odd, key="merch_odd", event_id=event_id)
        return event_id

    before = stream.send(GOOD["stripe"])
    odd = {written(value): (value, code) for value, code in ODD.items()}
    huge = written(b"x" * 998_000)
    after = stream.send(GOOD["stripe"])
    stream.flush()
    until(lambda: arrived(stream) >= {before, after, *odd, huge}, "all have passed by")

    letters = {event_id: record for event_id, (record,) in stream.read(VALIDATION_DLQ).items()}
    for event_id, (value, code) in odd.items():
        assert told(letters[event_id]) == (value, [code], stream.positions[event_id])
        assert (letters[event_id]["provider"], letters[event_id]["merchant_id"]) == ("stripe", "merch_odd")
    value, codes, position = told(letters[huge])
    assert (len(value), codes) == (998_000, ["wire_format"])
    assert position == stream.positions[huge]

    # One is left that may pass; the next stops the job, and with it no other.
    flood = {malformed_event_id(value) for value in (b"odd 1", b"odd 2", b"odd 3")}
    for value in (b"odd 1", b"odd 2", b"odd 3"):
        written(value)
    stream.flush()
    until(lambda: "TooManyDeadLetters" in stripe.health(), "the job is stopped, and it is said why")
    assert "NORMALIZER_UNUSABLE_COUNT" in stripe.health()
    assert jobs(stack, f"{job_name}-stripe") == []
    beside = stream.send(GOOD["square"])
    held = stream.send(GOOD["stripe"])
    stream.flush()
    until(lambda: beside in arrived(stream), "the other provider's events flow")
    assert held not in arrived(stream)
    assert httpx.codes.is_success(httpx.get(f"{stack['FLINK_URL']}/overview").status_code)

    assert stripe.end(signal.SIGTERM) == 0
    stripe.set(NORMALIZER_UNUSABLE_COUNT="100")
    stripe.start()
    until(lambda: arrived(stream) >= {held, *flood}, "it goes on where it has stopped")
    for topic in (NORMALIZED, VALIDATION_DLQ):
        assert {event_id for event_id, records in stream.read(topic).items() if len(records) != 1} == set()


def arrived(stream: Stream) -> set[str]:
    return stream.read(NORMALIZED).keys() | stream.read(VALIDATION_DLQ).keys()


def told(record: Mapping[str, Any]) -> tuple[bytes, list[str], tuple[str, int, int]]:
    position = (record["source_topic"], record["source_partition"], record["source_offset"])
    return record["payload"], list(record["reason_codes"]), position
