"""What is found in topics, lake and database is told apart, hop by hop."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from operations.census import Census
from operations.ledger import PaymentKey
from operations.money import Fact, Facts, States, Totals, state_of, total
from operations.reconciliation import first_loss, reconcile
from operations.warehouse import DailyMetric
from payments_contracts.topics import NORMALIZED

from .entries import payment, step

BODY = b"{}"
FINAL = payment(refunded=1200)
ENTRIES = (
    step("a", 0, payment()).model_copy(update={"body_sha256": sha256(BODY).hexdigest()}),
    step("b", 1, FINAL),
)
FACT = Fact("USD", 5000, "succeeded", livemode=True)
STATE = state_of(FINAL)


class Topic:
    """A topic whose records come once."""

    def __init__(self, *records: Mapping[str, Any]) -> None:
        self._records = list(records)

    def read_new(self) -> Iterable[Mapping[str, Any]]:
        records, self._records = self._records, []
        return records


class Lake:
    """A lake in which everything is as it has to be."""

    def count_events(self, table: str, event_ids: Sequence[str]) -> Counter[str]:
        assert table
        return Counter(event_ids)

    def read_facts(self, table: str, amount: str, event_ids: Sequence[str]) -> Facts:
        assert table
        assert amount
        return {event_id: Counter({FACT: 1}) for event_id in event_ids}

    def read_payments(self, keys: Sequence[PaymentKey]) -> States:
        return {key: [STATE] for key in keys}

    def total_payments(self, merchant_ids: Sequence[str], *, livemode: bool) -> Totals:
        return total([STATE]) if livemode and merchant_ids else {}

    def total_metrics(self, table: str, merchant_ids: Sequence[str]) -> Totals:
        return total([STATE]) if "daily" in table and merchant_ids else {}

    def daily_metrics(self, merchant_ids: Sequence[str]) -> list[DailyMetric]:
        assert merchant_ids
        return []


class Database:
    """A database with every row."""

    def read_facts(self, event_ids: Sequence[str]) -> Facts:
        return {event_id: Counter({FACT: 1}) for event_id in event_ids}


def normalized(event_id: str) -> dict[str, Any]:
    said = {"currency": "USD", "amount_cents": 5000, "status": "succeeded", "livemode": True}
    return {"event_id": event_id, **said}


def census(*dead: Mapping[str, Any], body: bytes = BODY) -> Census:
    raw = [{"event_id": event_id, "payload": body} for event_id in ("a", "b", "other")]
    topics = {
        "raw": [Topic(*raw)],
        "ingestion_dlq": [Topic()],
        "normalized": [Topic(normalized("a"), normalized("b"), normalized("a"))],
        "validation_dlq": [Topic(*dead)],
    }
    return Census(ENTRIES, topics, Lake(), Database())


def test_a_run_that_arrived_agrees_from_end_to_end() -> None:
    # The second copy of an event on the normalized topic is one too many: it came once on the raw topic.
    hops = reconcile(ENTRIES, census().arrivals())
    assert [hop.name for hop in hops if not hop.agrees] == ["normalized"]
    assert hops[3].duplicated == ("a",)


def test_a_dead_letter_of_a_normalized_record_is_the_orchestrators() -> None:
    letter = {"event_id": "a", "reason_codes": ["row_too_large"], "source_topic": NORMALIZED.name}
    arrivals = census(letter).arrivals()
    assert (arrivals.dead_letters, arrivals.validation_dlq) == (Counter("a"), Counter())
    assert arrivals.reasons == {}


def test_a_dead_letter_of_a_raw_record_is_the_normalizers() -> None:
    letter = {"event_id": "a", "reason_codes": ["field_missing"], "source_topic": "a raw one"}
    arrivals = census(letter).arrivals()
    assert (arrivals.dead_letters, arrivals.validation_dlq) == (Counter(), Counter("a"))
    assert arrivals.reasons == {"a": ("field_missing",)}


def test_a_raw_body_that_is_another_one_is_found() -> None:
    loss = first_loss(reconcile(ENTRIES, census(body=b"[]").arrivals()))
    assert loss is not None
    assert (loss.name, loss.differing) == ("raw", ("a",))
