"""When what was read is committed."""

from datetime import UTC, datetime

from archiver.batch import Batch, Policy

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def test_nothing_is_never_due() -> None:
    assert Batch(Policy(2, 100, 5.0)).due_in(7.0) is None


def test_the_first_row_waits_for_so_long() -> None:
    batch = Batch(Policy(10, 100, 5.0))
    batch.add({}, 1, NOON, 10.0)
    batch.add({}, 1, NOON, 14.0)
    assert batch.due_in(14.0) == 1.0


def test_a_batch_is_due_at_once_when_its_rows_or_bytes_are_full() -> None:
    by_rows, by_bytes = Batch(Policy(2, 100, 5.0)), Batch(Policy(9, 100, 5.0))
    for batch, size in ((by_rows, 1), (by_bytes, 60)):
        batch.add({}, size, NOON, 0.0)
        due = batch.due_in(0.0)
        assert due is not None
        assert due > 0
        batch.add({}, size, NOON, 0.0)
        assert batch.due_in(0.0) == 0.0
        assert batch.room() == 0


def test_what_was_committed_is_forgotten() -> None:
    batch = Batch(Policy(1, 100, 5.0))
    batch.add({}, 1, NOON, 0.0)
    batch.clear()
    assert (batch.room(), batch.oldest, batch.due_in(0.0)) == (1, None, None)
