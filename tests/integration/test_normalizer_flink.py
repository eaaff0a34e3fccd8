"""The normalizer's program on real Kafka, registry, Flink and object store."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import pytest
from payments_contracts.examples import Example
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

from tests.integration.normalization import Program, jobs, kill, plan, until
from tests.integration.raw_stream import ENVELOPES, STREAMED, Stream, Traffic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.flink]

# The test cluster has four slots.
AT_ONCE = 3


def _as_text(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds").replace("+00:00", "Z")


def _evaluate(programs: Sequence[Program], stream: Stream, sent: Mapping[str, Example]) -> None:
    """Run the programs until they have evaluated what was sent to them."""
    for program in programs:
        program.launch()
    for program in programs:
        program.await_ready()
    expected = {event_id for event_id, example in sent.items() if example.kind != "unsupported"}
    until(lambda: expected <= _arrived(stream).keys(), "every example but the unsupported has arrived")
    names = ("normalizer_unsupported_total", "normalizer_unmapped_total")
    until(
        lambda: (
            sum(_total(program.metrics(), name) for program in programs for name in names) == len(sent) - len(expected)
        ),
        "the unsupported are counted",
    )
    assert [program.end(signal.SIGTERM) for program in programs] == [0] * len(programs)


def test_every_example_becomes_what_its_contract_says(program_of: Callable[..., Program], stream: Stream) -> None:
    sent = {stream.send(example): example for example in STREAMED}
    repeated = next(event_id for event_id, example in sent.items() if example.kind == "accepted")
    stream.send_again(repeated)
    stream.flush()
    names = tuple(ENVELOPES)
    for first in range(0, len(names), AT_ONCE):
        providers = names[first : first + AT_ONCE]
        theirs = {event_id: example for event_id, example in sent.items() if example.provider in providers}
        _evaluate([program_of(provider) for provider in providers], stream, theirs)
    assert len(stream.read(NORMALIZED)[repeated]) == 2

    normalized, quarantined = stream.read(NORMALIZED), stream.read(VALIDATION_DLQ)
    # Evaluated at another time, a webhook is the event that it was.
    assert normalized[repeated].pop() == normalized[repeated][0]
    for event_id, example in sent.items():
        match example.kind:
            case "accepted":
                (record,) = normalized.pop(event_id)
                assert record["processed_at"] == record["received_at"]
                assert example.event is not None
                assert {field: _as_text(record[field]) for field in example.event} == example.event, example.name
                assert record["schema_version"] == NORMALIZED.version
            case "rejected":
                (record,) = quarantined.pop(event_id)
                assert tuple(record["reason_codes"]) == example.reason_codes, example.name
                assert len(record["reasons"]) == len(record["reason_codes"])
                assert record["payload"] == example.body
                position = (record["source_topic"], record["source_partition"], record["source_offset"])
                assert position == stream.positions[event_id]
                assert record["merchant_id"] == example.merchant_id
    assert (dict(normalized), dict(quarantined)) == ({}, {})


def _arrived(stream: Stream) -> Counter[str]:
    outputs = (*stream.read(NORMALIZED).items(), *stream.read(VALIDATION_DLQ).items())
    return Counter({event_id: len(records) for event_id, records in outputs})


def _pass_on(stream: Stream) -> None:
    before = len(_arrived(stream))
    until(lambda: len(_arrived(stream)) > before, "events flow")


@pytest.mark.parametrize("state", ["object store", pytest.param("disk", marks=pytest.mark.nightly)], indirect=True)
def test_no_event_is_lost_or_doubled_when_the_normalizer_restarts_and_is_rescaled(
    stack: Mapping[str, str], job_name: str, program: Program, stream: Stream
) -> None:
    program.start()
    with Traffic(stream) as traffic:
        _pass_on(stream)
        assert program.end(signal.SIGTERM) == 0
        assert jobs(stack, job_name) == []
        time.sleep(1)
        program.set(NORMALIZER_PARALLELISM="2")
        program.start()
        (job,) = jobs(stack, job_name)
        program.end(signal.SIGKILL)
        program.start()
        assert jobs(stack, job_name) == [job]
        _pass_on(stream)
        # It replaces the job that runs, since that is of another definition.
        program.end(signal.SIGKILL)
        program.set(NORMALIZER_PARALLELISM="1")
        program.start()
        (other,) = jobs(stack, job_name)
        assert other != job

    until(lambda: len(_arrived(stream)) >= len(traffic.sent), "every event has arrived")
    assert program.end(signal.SIGTERM) == 0
    assert _arrived(stream) == Counter(traffic.sent)


@pytest.mark.parametrize("state", ["disk", pytest.param("object store", marks=pytest.mark.nightly)], indirect=True)
def test_no_event_is_lost_or_doubled_when_flink_is_killed(
    stack: Mapping[str, str], job_name: str, program: Program, stream: Stream
) -> None:
    program.start()
    (job,) = jobs(stack, job_name)
    with Traffic(stream) as traffic:
        _pass_on(stream)
        kill(stack, "flink-taskmanager")
        _pass_on(stream)
        program.await_ready()
        kill(stack, "flink-jobmanager")
        _pass_on(stream)
        program.await_ready()
        assert jobs(stack, job_name) == [job]
        # As another version of Flink would find it: the job manager cannot read what the job is.
        plan(stack, job).write_bytes(b"")
        kill(stack, "flink-jobmanager")
        _pass_on(stream)
        program.await_ready()
        (other,) = jobs(stack, job_name)
        assert other != job
        assert not plan(stack, job).exists()

    until(lambda: len(_arrived(stream)) >= len(traffic.sent), "every event has arrived")
    assert program.end(signal.SIGTERM) == 0
    assert _arrived(stream) == Counter(traffic.sent)


def _total(exposition: str, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in exposition.splitlines() if line.startswith(name))
