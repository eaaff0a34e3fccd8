"""Counts a run's events at every hop of the path, on the real servers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, SILVER_PAYMENTS_CLEANED

from operations.ledger import Entry, Kind
from operations.reconciliation import Arrivals
from operations.warehouse import DailyMetric


class Records(Protocol):
    """A topic that can be read on from where the last read ended."""

    def read_new(self) -> Iterable[Mapping[str, Any]]:
        """Yield the records that came since the last call, as dicts."""


class Lake(Protocol):
    """The lake's layers, as SQL sees them."""

    def count_events(self, table: str, event_ids: Sequence[str]) -> Counter[str]:
        """Count the rows of a table by event id."""

    def daily_metrics(self, merchant_ids: Sequence[str]) -> list[DailyMetric]:
        """Return Gold's daily metrics of some merchants."""


class Census:
    """Follows one run: call `stream` until the topics agree, then `bronze`, then `layers` after a refresh."""

    def __init__(self, entries: Sequence[Entry], topics: Mapping[str, Sequence[Records]], lake: Lake) -> None:
        """`topics` maps `raw`, `ingestion_dlq`, `normalized` and `validation_dlq` to the readers of their topics."""
        self._event_ids = frozenset(entry.event_id for entry in entries)
        self._merchant_ids = sorted({entry.merchant_id for entry in entries if entry.kind is Kind.ACCEPTED})
        self._topics = topics
        self._lake = lake
        self._seen: dict[str, Counter[str]] = {name: Counter() for name in topics}
        self._reasons: dict[str, tuple[str, ...]] = {}

    def stream(self) -> Mapping[str, Counter[str]]:
        """Read on in every topic and return how often each event of the run has been seen there."""
        for name, topics in self._topics.items():
            for record in chain.from_iterable(topic.read_new() for topic in topics):
                event_id = record["event_id"]
                if event_id in self._event_ids:
                    self._seen[name][event_id] += 1
                    if codes := record.get("reason_codes"):
                        self._reasons[event_id] = tuple(codes)
        return self._seen

    def bronze(self) -> Counter[str]:
        """Count the run's rows in Bronze."""
        return self._lake.count_events(BRONZE_PAYMENT_EVENTS.identifier, sorted(self._event_ids))

    def metrics(self) -> list[DailyMetric]:
        """Return Gold's daily metrics of the run's merchants."""
        return self._lake.daily_metrics(self._merchant_ids)

    def arrivals(self) -> Arrivals:
        """Count everything that the run left behind, hop by hop."""
        seen = self.stream()
        return Arrivals(
            raw=seen["raw"],
            ingestion_dlq=seen["ingestion_dlq"],
            normalized=seen["normalized"],
            validation_dlq=seen["validation_dlq"],
            reasons=self._reasons,
            bronze=self.bronze(),
            silver=self._lake.count_events(SILVER_PAYMENTS_CLEANED, sorted(self._event_ids)),
            gold=sum(metric.payments for metric in self.metrics()),
        )
