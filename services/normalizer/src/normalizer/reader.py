"""From a message, whatever it is, to the row of the table function. Nothing in a message can stop the job.

A message that cannot be used is a dead letter with its bytes and a reason. Where nobody can tell now, as while the
schema registry is away, the job fails and Flink tries again; where too many are unusable, the job is stopped.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kit.clock import Clock
from kit.errors import PipelineError, Rejected
from kit.kafka import AvroDecoder
from kit.kafka.wire import Schemas
from kit.poison import PoisonLimit
from payments_contracts import flink as contract
from payments_contracts.normalize import Normalized, Outcome, Rejection, Unsupported
from payments_contracts.normalize import Rejected as Refused
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ, Topic, raw_topic

from normalizer.counters import OutcomeCounters
from normalizer.registration import SERVICE

AVRO_UNREADABLE = "avro_unreadable"
MAPPING_FAILED = "mapping_failed"
RECORD_INVALID = "record_invalid"
RECORD_TOO_LARGE = "record_too_large"

# What a message has beside texts and bytes: lengths, numbers, key, headers and framing.
_FRAME = 4096
_NUMBER = 12
# Contracts bound what an event of a smaller message may grow to.
_LARGE_PART = 4
_NO_KEYS: frozenset[str] = frozenset()
_PAYLOAD = next(index for index, (name, _) in enumerate(contract.COLUMNS) if name == "raw_payload")
_CODES, _REASONS = (
    next(index for index, (name, _) in enumerate(contract.COLUMNS) if name == wanted)
    for wanted in ("reason_codes", "reasons")
)

Row = tuple[object, ...]
Evaluate = Callable[[Mapping[str, Any], frozenset[str]], Outcome]


class Reader:
    """Reads the messages of one provider's raw topic.

    Args:
        provider: Whose topic it is.
        schemas: Knows the text of every registered schema.
        counters: Are told of every message.
        unusable: Is told of every message, and ends it when too many cannot be used whatever they tell.
        rejected: Is told of every message, and ends it when the contract rejects too many: it may be the contract.
        clock: Says when an event was processed.
        merchant_keys: Which keys of its own metadata each merchant may have beside those of the contract.
        topics: Where events and dead letters go; a record has to fit into a message of theirs.
        evaluate: What becomes of an event.
    """

    def __init__(
        self,
        provider: str,
        schemas: Schemas,
        *,
        counters: OutcomeCounters,
        unusable: PoisonLimit,
        rejected: PoisonLimit,
        clock: Clock,
        merchant_keys: Mapping[str, Iterable[str]],
        topics: tuple[Topic, Topic] = (NORMALIZED, VALIDATION_DLQ),
        evaluate: Evaluate = contract.evaluate,
    ) -> None:
        source = raw_topic(provider)
        self._provider = provider
        self._decoder = AvroDecoder(schemas, schema(source.record, source.consumers[SERVICE]))
        self._counters = counters
        self._unusable = unusable
        self._rejected = rejected
        self._clock = clock
        self._merchant_keys = {merchant: frozenset(keys) for merchant, keys in merchant_keys.items()}
        self._normalized, self._dead_letter = topics
        self._evaluate = evaluate

    def read(self, message: bytes | None) -> Row | None:
        """Return the row of a message, or None where its event type has no mapping.

        Raises:
            Transient: The schema registry does not answer.
            TooManyDeadLetters: Too many messages were unusable or rejected of late.
        """
        now = self._clock()
        try:
            event = self._decoder.decode(message or b"")
        except Rejected as error:
            return self._unreadable(message, Rejection(error.reason_code, "", error.detail), now)
        except PipelineError:
            raise
        except Exception as error:  # noqa: BLE001  # a schema of another language, for one
            detail = f"The message cannot be read ({type(error).__name__})."
            return self._unreadable(message, Rejection(AVRO_UNREADABLE, "", detail), now)
        if event["provider"] != self._provider:
            # Whoever wrote it is no gateway of ours: nothing that it says is taken for true.
            detail = f"The record is of another provider than its topic, which is {self._provider}'s."
            return self._unreadable(message, Rejection(RECORD_INVALID, "provider", detail), now)
        try:
            outcome = self._evaluate(event, self._merchant_keys.get(event["merchant_id"], _NO_KEYS))
            row = contract.row(event, outcome, now)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not stop the others' events
            return self._refused(event, Rejection(MAPPING_FAILED, "", _told(error)), now)
        return self._judged(event, outcome, row, len(message or b""), now)

    def _judged(self, event: Mapping[str, Any], outcome: Outcome, row: Row, size: int, now: datetime) -> Row | None:
        match outcome:
            case Unsupported(event_type):
                self._note()
                on_purpose = PROVIDERS[event["provider"]].why_unmapped(event_type) is not None
                self._counters.unsupported(event_type, on_purpose=on_purpose)
                return None
            case Refused(rejections):
                self._note(rejected=rejections[0].code)
                return self._dead(row, [rejection.code for rejection in rejections])
            case Normalized():
                most = self._normalized.max_message_bytes
                if size > most // _LARGE_PART and (bytes_ := _size(row)) > most:
                    detail = f"The unified event has {bytes_} bytes, and a message of {self._normalized.name} {most}."
                    return self._refused(event, Rejection(RECORD_TOO_LARGE, "", detail), now)
        self._note()
        self._counters.normalized()
        return row

    def _note(self, *, unusable: str | None = None, rejected: str | None = None) -> None:
        for limit, code in ((self._unusable, unusable), (self._rejected, rejected)):
            if code is None:
                limit.passed()
            else:
                # A message has no place here. A worker that begins anew, and reads some again, counts from zero.
                limit.refuse(None, code)

    def _unreadable(self, message: bytes | None, rejection: Rejection, now: datetime) -> Row:
        self._note(unusable=rejection.code)
        return self._dead(contract.unreadable(message or b"", self._provider, rejection, now), [rejection.code])

    def _refused(self, event: Mapping[str, Any], rejection: Rejection, now: datetime) -> Row:
        self._note(unusable=rejection.code)
        return self._dead(contract.row(event, Refused((rejection,), None), now), [rejection.code])

    def _dead(self, row: Row, codes: Sequence[str]) -> Row:
        """Return the row of a dead letter, its payload cut where it would not fit, and count it."""
        most, payload = self._dead_letter.max_message_bytes, row[_PAYLOAD]
        if isinstance(payload, bytes) and len(payload) > most // 2 and (excess := _size(row) - most) > 0:
            kept = max(0, len(payload) - excess - _FRAME)
            detail = f"The first {kept} of {len(payload)} bytes are here; all are at the position."
            values = list(row)
            values[_PAYLOAD] = payload[:kept]
            values[_CODES] = [*_listed(row[_CODES]), RECORD_TOO_LARGE]
            values[_REASONS] = [*_listed(row[_REASONS]), detail]
            row, codes = tuple(values), [*codes, RECORD_TOO_LARGE]
        self._counters.rejected(codes)
        return row


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _size(value: object) -> int:
    """Return at most how many bytes the row's record has as a message."""

    def size(each: object) -> int:
        match each:
            case bytes():
                return len(each) + _NUMBER
            case str():
                return len(each.encode()) + _NUMBER
            case Mapping():
                return sum(size(key) + size(item) for key, item in each.items()) + _NUMBER
            case tuple() | list():
                return sum(map(size, each)) + _NUMBER
        return _NUMBER

    return size(value) + _FRAME


def _told(error: Exception) -> str:
    """Return what went wrong and where, without the error's own text, which may hold values of the payload."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"The mapping failed: {type(error).__name__}{place}. This is a defect of the pipeline, not of the event."
