"""Which events a command is about."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.recovery.events import Failure, RawEvent

_UNITS: Mapping[str, timedelta] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
# The record of a command is kept with each event that it sends.
_MOST_IDS = 20
_AGO = re.compile(r"(\d{1,6})([mhdw])")


def instant(text: str, now: datetime) -> datetime:
    """Return the moment that a person means: ISO 8601 (UTC unless it says otherwise), or how long ago, as 90m, 36h, 7d.

    Raises:
        ValueError: It is neither; the message says what is.
    """
    if match := _AGO.fullmatch(text):
        return now - int(match[1]) * _UNITS[match[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: write 2026-11-24, 2026-11-24T10:30, or 90m, 36h, 7d, 2w ago"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Filter:
    """What events have to be; an empty set, or None, asks for nothing. `since` is inside the range, `until` outside.

    Times are those at which the gateway had read the webhook; `quarantined_since` is about when a dead letter was
    written, which may be long after.
    """

    providers: frozenset[str] = frozenset()
    merchants: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    event_ids: frozenset[str] = frozenset()
    event_types: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    contract_version: int | None = None
    quarantined_since: datetime | None = None

    def covers(self, event: RawEvent | Failure) -> bool:
        """Tell whether an event is among those that are meant."""
        return (
            (not self.event_ids or event.event_id in self.event_ids)
            and (not self.providers or event.provider in self.providers)
            and (not self.merchants or event.merchant_id in self.merchants)
            and (not self.event_types or event.event_type in self.event_types)
            and (self.since is None or event.received_at >= self.since)
            and (self.until is None or event.received_at < self.until)
            and (self.contract_version is None or event.schema_version == self.contract_version)
            and (not self.reasons or (isinstance(event, Failure) and not self.reasons.isdisjoint(event.reason_codes)))
            and (
                self.quarantined_since is None
                or (isinstance(event, Failure) and event.recorded_at >= self.quarantined_since)
            )
        )

    def as_json(self, workflows: Collection[str] = ()) -> str:
        """Return what is asked for, as the record of the command keeps it: of many ids the first, and how many.

        `workflows` are the ways in which the workflows of the events have to have ended.
        """
        asked = dict(self._asked())
        if workflows:
            asked["workflows"] = sorted(set(workflows))
        return json.dumps(asked, separators=(",", ":"))

    def __str__(self) -> str:
        words = [
            f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in self._asked()
        ]
        return "; ".join(words) or "everything"

    def _asked(self) -> list[tuple[str, Any]]:
        ids = sorted(self.event_ids)
        named = {
            "provider": sorted(self.providers),
            "merchant": sorted(self.merchants),
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "quarantined_since": None if self.quarantined_since is None else self.quarantined_since.isoformat(),
            "event": ids[:_MOST_IDS],
            "events": len(ids) if len(ids) > _MOST_IDS else None,
            "type": sorted(self.event_types),
            "reason": sorted(self.reasons),
            "contract_version": self.contract_version,
        }
        return [(name, value) for name, value in named.items() if value not in (None, [])]
