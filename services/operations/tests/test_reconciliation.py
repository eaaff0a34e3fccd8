"""The balance says which hop lost what."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from operations.ledger import Entry
from operations.reconciliation import ANSWERS, Arrivals, first_loss, reconcile
from operations.report import explain


def entry(
    event_id: str,
    kind: Literal["accepted", "rejected", "malformed", "unsupported", "forged"],
    reasons: tuple[str, ...] = (),
    status: int | None = None,
) -> Entry:
    return Entry(
        run="r1",
        provider="stripe",
        event_id=event_id,
        kind=kind,
        merchant_id="acct_r1_01",
        example="any",
        n=0,
        expected_reason_codes=list(reasons),
        http_status=ANSWERS[kind] if status is None else status,
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


ENTRIES = (
    entry("a", "accepted"),
    entry("b", "accepted"),
    entry("r", "rejected", ("currency_unknown",)),
    entry("m", "malformed"),
    entry("u", "unsupported"),
    entry("f", "forged"),
)
COMPLETE = Arrivals(
    raw=Counter("abru"),
    ingestion_dlq=Counter("m"),
    normalized=Counter("ab"),
    validation_dlq=Counter("r"),
    reasons={"r": ("currency_unknown",)},
    bronze=Counter("ab"),
    silver=Counter("ab"),
)


def test_a_run_that_lost_nothing_agrees_at_every_hop() -> None:
    hops = reconcile(ENTRIES, COMPLETE)
    assert [hop.name for hop in hops if not hop.agrees] == []
    assert first_loss(hops) is None


def test_names_the_first_hop_that_lost_an_event() -> None:
    found = replace(COMPLETE, bronze=Counter("a"), silver=Counter("a"))
    loss = first_loss(reconcile(ENTRIES, found))
    assert loss is not None
    assert (loss.name, loss.missing) == ("bronze", ("b",))
    assert "1 missing: b" in explain(loss)


def test_an_event_counted_twice_does_not_agree() -> None:
    loss = first_loss(reconcile(ENTRIES, replace(COMPLETE, silver=Counter("aab"))))
    assert loss is not None
    assert (loss.name, loss.duplicated) == ("silver", ("a",))


def test_a_webhook_that_was_sent_twice_may_be_normalized_twice_and_counts_once() -> None:
    found = replace(COMPLETE, raw=Counter("aabru"), normalized=Counter("aab"))
    assert first_loss(reconcile(ENTRIES, found)) is None


def test_an_event_normalized_more_often_than_received_does_not_agree() -> None:
    loss = first_loss(reconcile(ENTRIES, replace(COMPLETE, normalized=Counter("aab"))))
    assert loss is not None
    assert (loss.name, loss.duplicated) == ("normalized", ("a",))


def test_an_event_that_should_have_been_quarantined_is_unexpected_downstream() -> None:
    loss = first_loss(reconcile(ENTRIES, replace(COMPLETE, normalized=Counter("abr"))))
    assert loss is not None
    assert (loss.name, loss.unexpected) == ("normalized", ("r",))


def test_a_forged_webhook_on_the_raw_topic_is_unexpected() -> None:
    loss = first_loss(reconcile(ENTRIES, replace(COMPLETE, raw=Counter("abruf"))))
    assert loss is not None
    assert (loss.name, loss.unexpected) == ("raw", ("f",))


def test_a_wrong_reason_does_not_agree() -> None:
    loss = first_loss(reconcile(ENTRIES, replace(COMPLETE, reasons={"r": ("field_missing",)})))
    assert loss is not None
    assert (loss.name, loss.missing) == ("reasons", ("r",))


def test_a_wrong_answer_of_the_gateway_comes_first() -> None:
    entries = (*ENTRIES[:-1], entry("f", "forged", status=200))
    loss = first_loss(reconcile(entries, COMPLETE))
    assert loss is not None
    assert (loss.name, loss.missing) == ("answered", ("f",))


def test_what_the_orchestrator_gave_up_is_not_taken_for_the_normalizers_quarantine() -> None:
    found = replace(COMPLETE, dead_letters=Counter("b"), bronze=Counter("a"), silver=Counter("a"))
    loss = first_loss(reconcile(ENTRIES, found))
    assert loss is not None
    assert (loss.name, loss.unexpected) == ("dead_letters", ("b",))


def test_a_body_that_is_not_the_one_that_was_sent_differs() -> None:
    loss = first_loss(reconcile(ENTRIES, replace(COMPLETE, altered=frozenset({"a"}))))
    assert loss is not None
    assert (loss.name, loss.differing) == ("raw", ("a",))
