"""Runs the audit: window by window, keeping what was found after each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from operations.audit.database import AuditDatabase
from operations.audit.hops import Window, floor_hour
from operations.audit.look import Auditor, Look

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows to look at, the oldest first, and whether the next plan goes on where they end."""

    windows: Sequence[Window]
    standing: bool


def plan_standing(watermark: datetime | None, moment: datetime, flight: timedelta) -> Plan:
    """Return the full hours that are over, for as long as an event may be under way, and not looked at yet.

    The first time that is one hour. Where there is none, what is followed is looked at again.
    """
    end = floor_hour(moment - flight)
    start = end - _HOUR if watermark is None else watermark
    windows = list(Window(start, end).hours())
    return Plan(windows or [Window(start, start)], standing=True)


def plan_chosen(since: datetime, until: datetime) -> Plan:
    """Return a stretch of time that a person chose, hour by hour.

    Raises:
        ValueError: It is empty.
    """
    windows = list(Window(since, until).hours())
    if not windows:
        raise ValueError(f"nothing lies between {since.isoformat()} and {until.isoformat()}: give an earlier begin")
    return Plan(windows, standing=False)


def run(auditor: Auditor, database: AuditDatabase, plan: Plan) -> Iterator[Look]:
    """Look at each window, keep what was found, and yield it.

    Raises:
        UnavailableError: A server does not answer; what was looked at before is kept.
        DeploymentError: A topic, table or schema is missing.
    """
    for window in (piece for hour in plan.windows for piece in auditor.divide(hour)):
        start = database.newest_run(standing=True) if plan.standing else None
        more = True
        while more:
            before = database.newest_run(standing=False)
            followed, accepted = database.followed(), database.accepted()
            look = auditor.look(window, followed, before, start, accepted=accepted, standing=plan.standing)
            database.write(look.run, look.differences)
            yield look
            start, more = look.run, look.more
