"""Counters of what becomes of events: kept in Flink beside the function, read back from its REST API."""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol, Self

NAMESPACE = "normalizer"
COUNTER = "events"
NORMALIZED = "normalized"
REJECTED = "rejected"
REJECTION = "rejection"
UNSUPPORTED = "unsupported"
UNMAPPED = "unmapped"
OTHER = "other"
# Event types come from outside: odd ones, and those after the first so many, share one counter.
MAX_EVENT_TYPES = 100
# So do those with numbers in them that could be somebody's.
_EVENT_TYPE = re.compile(r"(?!.*[0-9]{4})[A-Za-z0-9_.:/-]{1,100}")
_NAME = re.compile(rf".*\b{NAMESPACE}\.(?P<outcome>[a-z_]+)(?:\.(?P<label>[^.]+))?\.{COUNTER}")
# Flink joins the groups of a metric's name by dots, and writes `_` for the dots within one (and for spaces, commas and
# colons): a label is written so that it can be read back.
_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
_WRITTEN = re.compile(r"-([0-9A-F]{2})")


class Counter(Protocol):
    """A counter of Flink."""

    def inc(self, n: int = 1) -> None:
        """Add `n`."""


class MetricGroup(Protocol):
    """A group of Flink's metrics."""

    def add_group(self, name: str, extra: str | None = None) -> Self:
        """Return the group `name` inside this one."""

    def counter(self, name: str) -> Counter:
        """Return the counter `name` of this group."""


class OutcomeCounters:
    """Counts outcomes in `group`, with one counter per reason code and per unsupported event type."""

    def __init__(self, group: MetricGroup) -> None:
        self._group = group.add_group(NAMESPACE)
        self._counters: dict[tuple[str, str | None], Counter] = {}
        self._event_types: set[str] = set()

    def normalized(self) -> None:
        """Count one event that came out unified."""
        self._increment(NORMALIZED)

    def rejected(self, reason_codes: Iterable[str]) -> None:
        """Count one quarantined event, and each of its distinct reasons."""
        self._increment(REJECTED)
        for code in set(reason_codes):
            self._increment(REJECTION, code)

    def unsupported(self, event_type: str, *, on_purpose: bool = False) -> None:
        """Count one event for whose type there is no mapping, apart if the contract says so on purpose."""
        known = event_type in self._event_types
        if not known and (len(self._event_types) >= MAX_EVENT_TYPES or not _EVENT_TYPE.fullmatch(event_type)):
            event_type = OTHER
        else:
            self._event_types.add(event_type)
        self._increment(UNMAPPED if on_purpose else UNSUPPORTED, event_type)

    def _increment(self, outcome: str, label: str | None = None) -> None:
        counter = self._counters.get((outcome, label))
        if counter is None:
            group = self._group.add_group(outcome)
            counter = (group.add_group(written(label)) if label else group).counter(COUNTER)
            self._counters[outcome, label] = counter
        counter.inc()


def written(label: str) -> str:
    """Return a label as a part of a metric's name: all but letters, digits and `_` as `-` and two hexadecimal signs."""
    return _UNSAFE.sub(lambda match: f"-{ord(match[0]):02X}", label)


def read(name: str) -> str:
    """Return the label that `written` has written."""
    return _WRITTEN.sub(lambda match: chr(int(match[1], 16)), name)


def parse(metrics: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Return values by outcome and label (empty where the outcome has none) from Flink's metric names."""
    values: dict[tuple[str, str], float] = {}
    for name, value in metrics.items():
        if match := _NAME.fullmatch(name):
            key = (match["outcome"], read(match["label"] or ""))
            values[key] = values.get(key, 0.0) + value
    return values
