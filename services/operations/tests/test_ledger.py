"""A ledger is read whole or not at all."""

from pathlib import Path

import pytest
from operations.errors import LedgerError
from operations.ledger import final_payments, read_ledger, told_merchants

from .entries import payment, step

LINE = (
    '{"run":"r1","provider":"stripe","n":1,"event_id":"e1","kind":"accepted","merchant_id":"m1",'
    '"example":"charge.succeeded","http_status":200,"sent_at":"2026-01-01T00:00:00Z"}'
)


def test_reads_each_line_as_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(LINE + "\n")
    (entry,) = read_ledger(path)
    assert (entry.event_id, entry.kind) == ("e1", "accepted")


def test_names_file_line_and_field_of_a_broken_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(LINE + "\n" + LINE.replace("accepted", "lost") + "\n")
    with pytest.raises(LedgerError, match=r"ledger\.jsonl:2: kind:"):
        read_ledger(path)


def test_says_what_to_give_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="simulator send --ledger"):
        read_ledger(tmp_path / "absent.jsonl")


def test_refuses_an_empty_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.touch()
    with pytest.raises(LedgerError, match="no webhook"):
        read_ledger(path)


def test_a_payment_comes_to_what_its_last_step_says_in_whatever_order_the_steps_were_sent() -> None:
    steps = [step("c", 2, payment(refunded=500)), step("a", 0, payment()), step("b", 1, payment(refunded=100))]
    assert final_payments(steps) == {("stripe", "pi_1"): payment(refunded=500)}


def test_a_step_that_the_gateway_did_not_take_changes_nothing() -> None:
    refused = step("b", 1, payment(refunded=100)).model_copy(update={"http_status": 503})
    assert final_payments([step("a", 0, payment()), refused]) == {("stripe", "pi_1"): payment()}


def test_all_payments_of_a_merchant_are_known_where_whole_lives_are_told_of_a_merchant_of_the_run() -> None:
    life = step("a", 0, payment())
    alone = life.model_copy(update={"step": None, "payment": None})
    assert told_merchants([life]) == {"acct_r1_l00"}
    assert told_merchants([life, alone]) == frozenset()
    assert told_merchants([life.model_copy(update={"merchant_id": "merch_local"})]) == frozenset()
