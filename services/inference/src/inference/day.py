"""The time of day in UTC, which the first and last moments of the calendar have, too."""

from datetime import datetime, timedelta


def second_of_day(moment: datetime) -> float:
    """Return the seconds since midnight, UTC. The moment knows its own offset."""
    # Not astimezone, which fails where the date would be beyond the calendar.
    written = timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )
    return ((written - (moment.utcoffset() or timedelta())) % timedelta(days=1)).total_seconds()
