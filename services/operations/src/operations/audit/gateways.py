"""What the gateways say that they have acknowledged, beside how many records the raw topics ever got.

A webhook is acknowledged after its record is, so between two looks no more can be acknowledged than records came. The
count of records is read before the gateway's at one look and after it at the next, so that what is under way never
makes a difference.

Several processes may answer at one address. When each was started tells them apart: one that was there at the look
before already, and isn't the one that answered then, is compared with nothing.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS: Final = 5.0
_METRIC: Final = "gateway_webhooks_total"
_STARTED: Final = "process_start_time_seconds"


@dataclass(frozen=True, slots=True)
class Answer:
    """How many webhooks a process of a gateway has accepted since its start, and when that was, where it tells."""

    accepted: int
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a provider's gateway answered, when, and the records of its topic before and after."""

    provider: str
    answer: Answer
    records_before: int
    records_after: int
    asked_at: datetime

    def kept(self) -> dict[str, int]:
        """Return what the next look needs, by `<provider>.<what>`; times in milliseconds since 1970."""
        told = {
            "accepted": self.answer.accepted,
            "records": self.records_before,
            "asked_at": _milliseconds(self.asked_at),
        }
        if self.answer.started_at is not None:
            told["started_at"] = _milliseconds(self.answer.started_at)
        return {f"{self.provider}.{name}": number for name, number in told.items()}


def addresses(providers: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """Return where each provider's gateway is, by GATEWAY_<PROVIDER>_URL; none for one that has no such variable."""
    named = {provider: environment.get(f"GATEWAY_{provider.upper()}_URL", "") for provider in providers}
    return {provider: url.rstrip("/") for provider, url in named.items() if url}


def ask(url: str, *, transport: httpx.BaseTransport | None = None) -> Answer | None:
    """Return how many webhooks a gateway has accepted since its start; None where it does not tell."""
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport) as client:
            text = client.get(f"{url}/metrics").raise_for_status().text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (httpx.HTTPError, ValueError):
        return None
    accepted = [each.value for each in samples if each.name == _METRIC and each.labels.get("outcome") == "accepted"]
    started = next((each.value for each in samples if each.name == _STARTED), None)
    if not accepted:
        return None
    return Answer(int(sum(accepted)), None if started is None else datetime.fromtimestamp(started, UTC))


def shortfalls(looked: Iterable[Acknowledged], before: Mapping[str, int]) -> Iterator[tuple[Acknowledged, int]]:
    """Yield each provider that can be compared, and by how many records its topic got fewer than were acknowledged.

    Zero or less is as it should be: a webhook whose acknowledgement was lost is there twice.

    Args:
        looked: What was found now.
        before: What was kept of the look at each gateway before, as in `Acknowledged.kept`.
    """
    for each in looked:
        accepted, records, asked_at, then = (
            before.get(f"{each.provider}.{name}") for name in ("accepted", "records", "asked_at", "started_at")
        )
        if accepted is None or records is None:
            continue
        now = None if each.answer.started_at is None else _milliseconds(each.answer.started_at)
        is_another = now is not None and then is not None and now != then
        if is_another and asked_at is not None and now is not None and now < asked_at:
            continue
        # Started anew in between, so that all that it has accepted came since.
        is_new = is_another or each.answer.accepted < accepted
        new = each.answer.accepted - (0 if is_new else accepted)
        yield each, new - (each.records_after - records)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
