"""What the catalog alone tells of tables of the lake: how many rows they have, and when rows last came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import InitResourceContext, resource
from kit.clock import Clock, utc_now
from kit.errors import Transient
from kit.lake import load_catalog, rows_came
from kit.settings import LakeSettings
from payments_contracts.topics import NORMALIZED
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError
from requests import RequestException

from analytics.stream import Stream

OpenCatalog = Callable[[], Catalog]


def open_catalog() -> Catalog:
    """Connect to the catalog that the environment names."""
    return load_catalog(LakeSettings())


@resource(description="The lake's catalog, by PyIceberg.")
def catalog(_: InitResourceContext) -> Catalog:
    """Return the catalog as a resource of Dagster."""
    return open_catalog()


@dataclass(frozen=True, slots=True)
class Written:
    """A table as it is now: its columns, its rows, and when rows last came (UTC); None where nobody wrote to it."""

    columns: tuple[str, ...]
    version: int
    """The version of its contract that the table was brought to; 0 where it does not tell."""
    rows: int
    at: datetime | None


def look(tables: Catalog, identifier: str) -> Written | None:
    """Return what a table has, by the newest of its snapshots; None where there is no such table.

    Raises:
        Transient: The catalog does not answer.
    """
    try:
        table = tables.load_table(identifier)
    except NoSuchTableError:
        return None
    except (OSError, RequestException, RESTError) as error:
        raise Transient(f"{identifier} cannot be read now ({type(error).__name__}): is the catalog up?") from error
    current, came = table.current_snapshot(), rows_came(table.metadata.snapshots)
    summary = None if current is None else current.summary
    return Written(
        columns=tuple(field.name for field in table.schema().fields),
        version=int(table.properties.get("contract.version", 0)),
        rows=0 if summary is None else int(summary["total-records"] or 0),
        at=None if came is None else datetime.fromtimestamp(came, UTC),
    )


@dataclass(frozen=True, slots=True)
class Late:
    """Records that have waited for too long for their rows in Bronze, to which none came after `since`."""

    records: int
    since: datetime | None


class Sight:
    """What comes into Bronze, and what should have.

    Args:
        open_catalog: Connects to the catalog.
        open_stream: Connects to Kafka; None where it is not known, and then nothing is late.
        reader: The consumer group by which records become rows.
        clock: Tells the time.
    """

    def __init__(
        self,
        open_catalog: OpenCatalog,
        open_stream: Callable[[], Stream] | None,
        reader: str,
        clock: Clock = utc_now,
    ) -> None:
        self._open_catalog = open_catalog
        self._open_stream = open_stream
        self._reader = reader
        self._clock = clock

    def tables(self, *identifiers: str) -> Mapping[str, Written | None]:
        """Return what each table has; None where there is no such table.

        Raises:
            Transient: The catalog does not answer.
        """
        opened = self._open_catalog()
        return {each: look(opened, each) for each in identifiers}

    def late(self, written: Written | None, allowed: timedelta) -> Late:
        """Return which normalized records have waited for longer than `allowed`, while no row came into Bronze.

        A row comes after its record. So where rows came after a record, the record is taken to have its own: what is
        lost between the others is found by the audit. What was sent a second time makes no row, and waits by this
        measure until the next row comes.

        Raises:
            Transient: Kafka does not answer, or lacks the topic.
        """
        return self._waiting(written, allowed, None)

    def untaken(self, written: Written | None, allowed: timedelta) -> Late:
        """Return which of the late records their reader has not taken: what was sent a second time is none of them.

        Raises:
            Transient: Kafka does not answer, or lacks the topic.
        """
        return self._waiting(written, allowed, self._reader)

    def _waiting(self, written: Written | None, allowed: timedelta, group: str | None) -> Late:
        since = None if written is None else written.at
        if self._open_stream is None:
            return Late(0, since)
        with self._open_stream() as stream:
            return Late(stream.waiting(NORMALIZED.name, since, self._clock() - allowed, group), since)
