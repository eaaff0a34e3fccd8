"""What the audit asks of the servers."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from operations.audit.hops import Event, Events, Money, Place, Window
from operations.audit.stream import Reach, Streams
from operations.stretches import Offsets


class Lake(Protocol):
    """Rows of the lake; `LakeRows` is one."""

    def bronze_between(self, window: Window) -> Events:
        """Return the events of Bronze that were processed in a window."""

    def bronze_of(
        self, events: Events, elsewhere: Mapping[str, datetime], again: Mapping[str, datetime] | None = None
    ) -> Events:
        """Look events up in Bronze; of those that were looked for before, only in what came since."""

    def silver_of(self, events: Events, window: Window) -> Mapping[str, Money]:
        """Return what Silver says of these events of Bronze."""


class Archive(Protocol):
    """Records of the archive; `ArchiveRows` is one."""

    def archived(self, table: str, places: Mapping[Place, Event]) -> set[Place]:
        """Return which records a table of the archive has."""

    def raw_before(self, window: Window, cut: Mapping[str, Offsets]) -> Events:
        """Return the raw events of a window that topics no longer hold."""

    def gone_before(self, window: Window) -> tuple[set[str], set[str]]:
        """Return the ids of a window that the normalizer quarantined, and those that the orchestrator gave up."""

    def unsupported(self, events: Events) -> set[str]:
        """Return which raw events of the archive have no mapping."""


class Rows(Protocol):
    """Rows of the operational database; `AuditDatabase` is one."""

    def rows_between(self, window: Window) -> Events:
        """Return the events whose row says that they were processed in a window."""

    def rows_of(self, event_ids: Iterable[str]) -> Events:
        """Return the events of these ids that have a row."""


class Stream(Protocol):
    """What a window left in the topics; `StreamReader` is one."""

    def divide(self, window: Window) -> Iterator[Window]:
        """Yield a window in pieces that a look can hold."""

    def read(self, reach: Reach) -> Streams:
        """Read what a look is about, and what became of it until now."""


class Places(NamedTuple):
    """Every place that the audit looks at."""

    stream: Stream
    lake: Lake
    archive: Archive
    rows: Rows
