from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.day import second_of_day

EAST, WEST = timezone(timedelta(hours=23)), timezone(timedelta(hours=-23))


@given(moment=st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.sampled_from([UTC, EAST, WEST])))  # noqa: DTZ001  # the zones are drawn
def test_is_the_time_of_day_in_utc_whatever_the_time_zone(moment: datetime) -> None:
    there = moment.astimezone(UTC)
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
    assert second_of_day(moment) == (there - midnight).total_seconds()


@pytest.mark.parametrize(
    ("moment", "second"),
    [
        (datetime.min.replace(tzinfo=EAST), 3600),
        (datetime.max.replace(tzinfo=WEST, microsecond=0), 23 * 3600 - 1),
        (datetime.max.replace(tzinfo=UTC, microsecond=0), 24 * 3600 - 1),
    ],
)
def test_the_first_and_last_moments_of_the_calendar_have_one_too(moment: datetime, second: int) -> None:
    assert second_of_day(moment) == second
