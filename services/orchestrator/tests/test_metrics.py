"""How long an event's way to the orchestrator is said to have taken."""

from datetime import UTC, datetime, timedelta

import pytest
from orchestrator.metrics import WEBHOOK_TO_NORMALIZED_SECONDS, note_read

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told() -> tuple[float, float]:
    """Return how many were measured, and their sum in seconds."""
    (family,) = WEBHOOK_TO_NORMALIZED_SECONDS.collect()
    values = {each.name.rpartition("_")[2]: each.value for each in family.samples if "bucket" not in each.name}
    return values["count"], values["sum"]


@pytest.mark.parametrize(
    ("received_at", "measured", "seconds"),
    [
        (NOW - timedelta(milliseconds=120), 1, 0.12),
        # Another machine's clock may be ahead.
        (NOW + timedelta(milliseconds=5), 1, 0),
        (NOW - timedelta(hours=1), 0, 0),
        (None, 0, 0),
    ],
    ids=["just now", "from the future", "sent again after an hour", "of a version that does not say"],
)
def test_the_way_of_a_record_is_measured_unless_it_was_sent_again(
    received_at: datetime | None, measured: int, seconds: float
) -> None:
    before = told()
    note_read(received_at, NOW)
    after = told()
    assert after[0] - before[0] == measured
    assert after[1] - before[1] == pytest.approx(seconds)
