"""What the gateways say that they have acknowledged, beside how many records of theirs the raw topics ever got.

A webhook is acknowledged after its record is, so between two looks no more can be acknowledged than records came. The
count of records is read before the gateway's at one look and after it at the next, so that what is under way never
makes a difference. What a redrive or a replay wrote again was acknowledged by nobody, and counts for nothing.

A name that leads to several addresses is a gateway of several processes, and all of them are asked: records of one must
not stand for what another has lost. Behind one address several may answer in turn. When each was started tells them
apart: one that was there at the look before already, and is not one that answered then, is compared with nothing.
"""

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from operations.errors import DeploymentError
from operations.stretches import Offsets

_TIMEOUT_SECONDS: Final = 5.0
_METRIC: Final = "gateway_webhooks_total"
_STARTED: Final = "process_start_time_seconds"
_PORTS: Final = {"http": 80, "https": 443}
_LONGEST: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Answer:
    """How many webhooks a process of a gateway has accepted since its start, and when that was, where it tells."""

    accepted: int
    started_at: datetime | None = None


Answers = Mapping[str, Answer]
"""What each process of a gateway said, by its address."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the processes of a provider's gateway answered, when, and the records of its topic before and after.

    Attributes:
        provider: Whose gateway it is.
        answers: What each of its processes said; all of them, or the look is none.
        records_before: Where the topic's partitions ended before.
        records_after: Where they ended afterwards.
        asked_at: When the last had answered.
        again: How many records were written again between the look before and `records_after`.
    """

    provider: str
    answers: Answers
    records_before: Offsets
    records_after: Offsets
    asked_at: datetime
    again: int = 0

    def kept(self) -> dict[str, int]:
        """Return what the next look needs, by `<provider>.<what>`; times in milliseconds since 1970."""
        told = {"asked_at": _milliseconds(self.asked_at)}
        told |= {f"records/{partition}": offset for partition, offset in self.records_before.items()}
        for address, answer in self.answers.items():
            told[f"accepted@{address}"] = answer.accepted
            if answer.started_at is not None:
                told[f"started_at@{address}"] = _milliseconds(answer.started_at)
        return {f"{self.provider}.{name}": number for name, number in told.items()}


@dataclass(frozen=True, slots=True)
class Said:
    """What was kept of the look before at which a provider's gateway answered, as in `Acknowledged.kept`."""

    asked_at: int | None = None
    records: Offsets = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    started_at: Mapping[str, int] = field(default_factory=dict)


def said(provider: str, kept: Mapping[str, int]) -> Said:
    """Return what was kept of a provider."""
    mine = {name.removeprefix(f"{provider}."): number for name, number in kept.items()}

    def under(prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): number for name, number in mine.items() if name.startswith(prefix)}

    records = {int(partition): offset for partition, offset in under("records/").items()}
    return Said(mine.get("asked_at"), records, under("accepted@"), under("started_at@"))


def keep(before: Mapping[str, int], looked: Iterable[Acknowledged]) -> dict[str, int]:
    """Return what the next look needs: of a gateway that does not answer now, what it last said."""
    answered = tuple(looked)
    names = tuple(f"{each.provider}." for each in answered)
    kept = {name: number for name, number in before.items() if not name.startswith(names)}
    return kept | {name: number for each in answered for name, number in each.kept().items()}


def addresses(providers: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """Return where each provider's gateway is, by GATEWAY_<PROVIDER>_URL; none for one that has no such variable.

    Raises:
        DeploymentError: One is not an address.
    """
    found = {}
    for provider in providers:
        name = f"GATEWAY_{provider.upper()}_URL"
        if not (url := environment.get(name, "").rstrip("/")):
            continue
        try:
            whole = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise DeploymentError(f"{name} is not an address: {error}") from error
        if whole.scheme not in _PORTS or not whole.host:
            raise DeploymentError(f"{name} is not an address such as http://gateway:8080")
        found[provider] = url
    return found


def _resolve(host: str, port: int) -> list[str]:
    # Of a process that has an address of each kind one is enough: it would be counted twice.
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        except OSError:
            continue
        return sorted({str(each[4][0]) for each in found})
    return []


def ask(
    url: str,
    *,
    transport: httpx.BaseTransport | None = None,
    resolve: Callable[[str, int], list[str]] = _resolve,
) -> Answers | None:
    """Return how many webhooks each process of a gateway has accepted since its start; None where one does not tell."""
    whole = httpx.URL(url)
    found: dict[str, Answer] = {}
    # A certificate is for the name, whichever address is asked.
    headers, extensions = {"Host": whole.netloc.decode()}, {"sni_hostname": whole.host}
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport) as client:
            for address in resolve(whole.host, whole.port or _PORTS[whole.scheme]):
                metrics = whole.copy_with(host=address, path=f"{whole.path.rstrip('/')}/metrics")
                answer = client.get(metrics, headers=headers, extensions=extensions).raise_for_status()
                if (told := _answer(answer.text)) is None:
                    return None
                found[address] = told
    except (httpx.HTTPError, ValueError):
        return None
    return found or None


def _answer(text: str) -> Answer | None:
    samples: list[Any] = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    accepted = [each.value for each in samples if each.name == _METRIC and each.labels.get("outcome") == "accepted"]
    started = next((each.value for each in samples if each.name == _STARTED), None)
    if not accepted:
        return None
    return Answer(int(sum(accepted)), None if started is None else datetime.fromtimestamp(started, UTC))


def can_compare(answers: Answers, then: Said, moment: datetime) -> bool:
    """Return whether a look can be held against the one before: all that answer now are known, and it is not long ago.

    After a longer silence there would be days of records to read, and some of them deleted.
    """
    if not then.accepted or not then.records:
        return False
    if then.asked_at is not None and _milliseconds(moment) - then.asked_at > _LONGEST / timedelta(milliseconds=1):
        return False
    return all(_news(address, answer, then) is not None for address, answer in answers.items())


def shortfalls(looked: Iterable[Acknowledged], before: Mapping[str, int]) -> Iterator[tuple[Acknowledged, int]]:
    """Yield each provider that can be compared, and by how many records its topic got fewer than were acknowledged.

    Zero or less is as it should be: a webhook whose acknowledgement was lost is there twice, and what a process
    acknowledged between the look before and its end is told by nobody.

    Args:
        looked: What was found now.
        before: What was kept of the look at each gateway before, as in `Acknowledged.kept`.
    """
    for each in looked:
        then = said(each.provider, before)
        if not can_compare(each.answers, then, each.asked_at):
            continue
        news = sum(_news(address, answer, then) or 0 for address, answer in each.answers.items())
        yield each, news - (sum(each.records_after.values()) - sum(then.records.values()) - each.again)


def _news(address: str, answer: Answer, then: Said) -> int | None:
    """Return how many a process has accepted since the look before; None where nobody knows."""
    accepted = then.accepted.get(address)
    now = None if answer.started_at is None else _milliseconds(answer.started_at)
    known = then.started_at.get(address)
    is_another = accepted is None or (now is not None and known is not None and now != known)
    if is_another and then.asked_at is not None and (now is None or now < then.asked_at):
        return None
    # Started anew in between, so that all that it has accepted came since.
    is_new = is_another or accepted is None or answer.accepted < accepted
    return answer.accepted - (0 if is_new or accepted is None else accepted)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
