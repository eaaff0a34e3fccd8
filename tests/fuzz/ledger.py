"""Holds each answer against what was due, and in the end what Kafka holds against the answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from payments_contracts.gateway import Accepted, Problem
from payments_contracts.topics import INGESTION_DLQ, raw_topic
from pydantic import ValidationError

from tests.fuzz.oracle import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.fuzz.delivery import Answer, Delivery

_PROBLEM = "application/problem+json"
# A gateway that gets everything wrong is to be told so, not to fill the memory.
_MOST_FINDINGS = 200


class Entry(NamedTuple):
    """What of a record has to be right; `reason_code` is that of a dead letter."""

    topic: str
    provider: str
    event_id: str
    reason_code: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, with the body that shows it, where there is one."""

    kind: str
    complaint: str
    content: bytes = b""


class Ledger:
    """The deliveries to one gateway and what was answered.

    Args:
        provider: Whose gateway it is.
        verdict: Tells what an authentic body has to be answered with.
    """

    def __init__(self, provider: str, verdict: Callable[[str, bytes, datetime], Verdict]) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self.malformed = 0
        self.findings: list[Finding] = []
        self.acknowledged: Counter[Entry] = Counter()
        self._uncertain: set[bytes] = set()
        self._provider = provider
        self._verdict = verdict

    def note(self, delivery: Delivery, answer: Answer) -> None:
        """Take in the answer to a delivery."""
        body, forgery = delivery.body, delivery.forgery
        due = self._verdict(self._provider, body.content, datetime.now(UTC))
        self.malformed += due.status is not HTTPStatus.OK and forgery is None
        if forgery is not None and due.status is not HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            due = Verdict(HTTPStatus.UNAUTHORIZED, forgery.reason_code, None)
        elif body.claim == "malformed" and due.status is HTTPStatus.OK:
            self._find(delivery, "the contracts let in what is malformed")
        elif body.claim == "sound" and due.status is not HTTPStatus.OK:
            self._find(delivery, f"the contracts refuse what is sound: {due.reason_code}")
        given = _given(answer)
        reason_code = given.reason_code if isinstance(given, Verdict) else None
        said = " ".join(filter(None, (str(answer.status or "none"), reason_code)))
        self.answers[body.kind if forgery is None else f"forged: {forgery.name}", said] += 1
        if given != due:
            self._find(delivery, f"{_told(given)} instead of {_told(due)}")
        if isinstance(given, Verdict) and given.event_id is not None:
            self.acknowledged[self._entry(given, given.event_id, body.content)] += 1
        elif answer.status in {0, HTTPStatus.SERVICE_UNAVAILABLE}:
            # It may still have arrived.
            self._uncertain.add(sha256(body.content).digest())

    def balance(self, records: Iterable[Entry]) -> Iterator[Finding]:
        """Yield in what Kafka differs from the answers: every acknowledged delivery is one record, and no other is."""
        held = Counter(each for each in records if each.provider == self._provider)
        for entry, count in (self.acknowledged - held).items():
            yield Finding(entry.topic, f"{count} records of {entry.event_id} ({entry.reason_code}) are missing")
        for entry, count in (held - self.acknowledged).items():
            if entry.digest not in self._uncertain:
                yield Finding(entry.topic, f"{count} records of {entry.event_id} ({entry.reason_code}) are too many")

    def _find(self, delivery: Delivery, complaint: str) -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(delivery.body.kind, complaint, delivery.body.content))

    def _entry(self, given: Verdict, event_id: str, content: bytes) -> Entry:
        topic = raw_topic(self._provider) if given.status is HTTPStatus.OK else INGESTION_DLQ
        return Entry(topic.name, self._provider, event_id, given.reason_code, sha256(content).digest())


def entry(topic: str, record: dict[str, Any]) -> Entry:
    """Return what counts of a record."""
    digest = sha256(record["payload"]).digest()
    return Entry(topic, record["provider"], record["event_id"], record.get("reason_code"), digest)


def _given(answer: Answer) -> Verdict | str:
    """Return the verdict that an answer gives; where it is not of the contract's form, what is wrong with it."""
    try:
        if answer.status == HTTPStatus.OK and answer.media_type == "application/json":
            return Verdict(HTTPStatus.OK, None, str(Accepted.model_validate_json(answer.content).event_id))
        if answer.media_type == _PROBLEM:
            problem = Problem.model_validate_json(answer.content)
            event_id = None if problem.event_id is None else str(problem.event_id)
            if problem.status == answer.status:
                return Verdict(HTTPStatus(answer.status), problem.reason_code.root, event_id)
    except ValidationError as error:
        return f"{answer.status} with {error}"
    return f"{answer.status or 'no answer'} with {answer.media_type} {answer.content[:200]!r}"


def _told(verdict: Verdict | str) -> str:
    if isinstance(verdict, str):
        return verdict
    return " ".join(str(each) for each in (verdict.status.value, verdict.reason_code, verdict.event_id) if each)
