"""A ledger is read whole or not at all."""

from pathlib import Path

import pytest
from operations.errors import LedgerError
from operations.ledger import Kind, read_ledger

LINE = (
    '{"run":"r1","provider":"stripe","n":1,"event_id":"e1","kind":"accepted","merchant_id":"m1",'
    '"http_status":200,"sent_at":"2026-01-01T00:00:00Z"}'
)


def test_reads_each_line_as_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(LINE + "\n")
    (entry,) = read_ledger(path)
    assert (entry.event_id, entry.kind) == ("e1", Kind.ACCEPTED)


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
