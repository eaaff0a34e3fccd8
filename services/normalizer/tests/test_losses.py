from datetime import UTC, datetime, timedelta

import pytest
from normalizer.losses import Losses

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def losses() -> Losses:
    return Losses(timedelta(days=3))


def test_what_fails_at_a_recovery_had_been_committed_before(losses: Losses) -> None:
    losses.recovered(NOW, NOW - timedelta(days=2))

    assert losses.count(NOW, 0) == 0
    # The job manager is late with counters.
    assert losses.count(NOW + timedelta(seconds=12), 2) == 0
    assert losses.count(LATER, 2) == 0


def test_what_fails_later_is_lost(losses: Losses) -> None:
    losses.recovered(NOW, NOW)
    losses.count(NOW, 2)

    assert losses.count(LATER, 3) == 1


def test_what_fails_after_a_longer_downtime_than_the_timeout_is_lost(losses: Losses) -> None:
    losses.recovered(NOW, NOW - timedelta(days=3, seconds=1))

    assert losses.count(NOW, 2) == 2


def test_what_had_failed_when_the_job_was_found_is_not_told_again(losses: Losses) -> None:
    assert losses.count(NOW, 2) == 0
    assert losses.count(LATER, 3) == 1


def test_counters_begin_anew_with_a_recovery(losses: Losses) -> None:
    losses.recovered(NOW, NOW)
    losses.count(NOW, 2)
    losses.recovered(LATER, LATER)

    assert losses.count(LATER + timedelta(minutes=5), 1) == 1
