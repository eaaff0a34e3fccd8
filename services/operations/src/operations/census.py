"""Counts a run's events and payments at every hop of the path, and adds up their money, on the real servers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import chain
from typing import Any, Protocol

from payments_contracts.tables import (
    BRONZE_PAYMENT_EVENTS,
    GOLD_DAILY_PAYMENT_METRICS,
    GOLD_TEST_PAYMENT_METRICS,
    SILVER_PAYMENTS_CLEANED,
)
from payments_contracts.topics import NORMALIZED

from operations.ledger import Entry, PaymentKey, final_payments, is_accepted, told_merchants
from operations.money import Fact, Facts, States, Totals
from operations.reconciliation import Arrivals, Metrics
from operations.warehouse import DailyMetric


class Records(Protocol):
    """A topic that can be read on from where the last read ended."""

    def read_new(self) -> Iterable[Mapping[str, Any]]:
        """Yield the records that came since the last call, as dicts."""


class Lake(Protocol):
    """The lake's layers, as SQL sees them."""

    def count_events(self, table: str, event_ids: Sequence[str]) -> Counter[str]:
        """Count the rows of a table by event id."""

    def read_facts(self, table: str, amount: str, event_ids: Sequence[str]) -> Facts:
        """Return what a table's rows say of money, by event id; `amount` is the column with it."""

    def read_payments(self, keys: Sequence[PaymentKey]) -> States:
        """Return the rows of Silver's payments."""

    def total_payments(self, merchant_ids: Sequence[str], *, livemode: bool) -> Totals:
        """Add up Silver's payments of some merchants."""

    def total_metrics(self, table: str, merchant_ids: Sequence[str]) -> Totals:
        """Add up one of Gold's tables of metrics for some merchants."""

    def daily_metrics(self, merchant_ids: Sequence[str]) -> list[DailyMetric]:
        """Return Gold's daily metrics of some merchants."""


class Operational(Protocol):
    """The operational database."""

    def read_facts(self, event_ids: Sequence[str]) -> Facts:
        """Return what its rows say of money, by event id."""


class Census:
    """Follows one run: call `stream` until the topics agree, then `bronze`, then `layers` after a refresh."""

    def __init__(
        self,
        entries: Sequence[Entry],
        topics: Mapping[str, Sequence[Records]],
        lake: Lake,
        database: Operational | None = None,
    ) -> None:
        """`topics` maps `raw`, `ingestion_dlq`, `normalized` and `validation_dlq` to the readers of their topics."""
        self._event_ids = sorted({entry.event_id for entry in entries})
        self._bodies = {entry.event_id: entry.body_sha256 for entry in entries if entry.body_sha256 is not None}
        self._payments = sorted(final_payments(entries))
        self._merchant_ids = sorted({entry.merchant_id for entry in entries if is_accepted(entry)})
        self._told = sorted(told_merchants(entries))
        self._topics = topics
        self._lake = lake
        self._database = database
        self._seen: dict[str, Counter[str]] = {name: Counter() for name in (*topics, "dead_letters")}
        self._facts: defaultdict[str, Counter[Fact]] = defaultdict(Counter)
        self._altered: set[str] = set()
        self._reasons: dict[str, tuple[str, ...]] = {}

    def stream(self) -> Mapping[str, Counter[str]]:
        """Read on in every topic and return how often each event of the run has been seen there.

        What the orchestrator dead-lettered is under `dead_letters`, although it is on the topic of the quarantine.
        """
        known = frozenset(self._event_ids)
        for name, topics in self._topics.items():
            for record in chain.from_iterable(topic.read_new() for topic in topics):
                if record["event_id"] in known:
                    self._note(name, record)
        return self._seen

    def _note(self, name: str, record: Mapping[str, Any]) -> None:
        event_id = record["event_id"]
        # Whose record it was that could not be used tells who gave it up: the normalizer reads raw topics alone.
        place = "dead_letters" if record.get("source_topic") == NORMALIZED.name else name
        self._seen[place][event_id] += 1
        if place == "validation_dlq":
            self._reasons[event_id] = tuple(record["reason_codes"])
        if place == "raw" and sha256(record["payload"]).hexdigest() != self._bodies.get(event_id, ""):
            self._altered |= {event_id} & self._bodies.keys()
        if place == "normalized":
            said = Fact(record["currency"], record["amount_cents"], record["status"], record["livemode"])
            # Once, however often it came: a webhook that was sent twice may be normalized twice.
            self._facts[event_id][said] = 1

    def bronze(self) -> Counter[str]:
        """Count the run's rows in Bronze."""
        return self._lake.count_events(BRONZE_PAYMENT_EVENTS.identifier, self._event_ids)

    def database(self) -> Counter[str] | None:
        """Count the run's rows in the operational database; None where it is not looked at."""
        return None if self._database is None else _counted(self._database.read_facts(self._event_ids))

    def metrics(self) -> list[DailyMetric]:
        """Return Gold's daily metrics of the run's merchants."""
        return self._lake.daily_metrics(self._merchant_ids)

    def arrivals(self) -> Arrivals:
        """Count everything that the run left behind, hop by hop."""
        seen = self.stream()
        facts: dict[str, Facts] = {
            "normalized": self._facts,
            "bronze": self._lake.read_facts(BRONZE_PAYMENT_EVENTS.identifier, "amount_cents", self._event_ids),
            "silver": self._lake.read_facts(SILVER_PAYMENTS_CLEANED, "amount_minor", self._event_ids),
        }
        if self._database is not None:
            facts["database"] = self._database.read_facts(self._event_ids)
        return Arrivals(
            raw=seen["raw"],
            altered=frozenset(self._altered),
            ingestion_dlq=seen["ingestion_dlq"],
            normalized=seen["normalized"],
            validation_dlq=seen["validation_dlq"],
            dead_letters=seen["dead_letters"],
            reasons=self._reasons,
            bronze=_counted(facts["bronze"]),
            database=_counted(facts["database"]) if "database" in facts else None,
            silver=_counted(facts["silver"]),
            facts=facts,
            payments=self._lake.read_payments(self._payments),
            metrics={
                "gold": self._metrics(GOLD_DAILY_PAYMENT_METRICS, livemode=True),
                "gold_test": self._metrics(GOLD_TEST_PAYMENT_METRICS, livemode=False),
            },
        )

    def _metrics(self, table: str, *, livemode: bool) -> Metrics:
        return Metrics(
            gold=self._lake.total_metrics(table, self._merchant_ids),
            silver=self._lake.total_payments(self._merchant_ids, livemode=livemode),
            told=self._lake.total_metrics(table, self._told),
        )


def _counted(facts: Facts) -> Counter[str]:
    return Counter({event_id: said.total() for event_id, said in facts.items()})
