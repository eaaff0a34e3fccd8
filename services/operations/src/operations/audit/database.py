"""The operational database as the audit sees it: rows of events, and its own books."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from kit.postgres import unreachable
from payments_contracts.database import AUDIT_DIFFERENCES, AUDIT_RUNS, PAYMENT_EVENTS, Table
from payments_contracts.pins.operations import AuditDifference, AuditRun
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from operations.audit.hops import Event, Events, Money, Window
from operations.errors import DeploymentError, UnavailableError

_CONNECT_TIMEOUT_SECONDS: Final = 3
_FOLLOWED: Final = ["pending", "open"]
_Connection = psycopg.Connection[dict[str, Any]]


class AuditDatabase:
    """One session with the operational database, for as long as `open_database` lasts."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def rows_between(self, window: Window) -> Events:
        """Return the events whose row says that they were processed in a window."""
        return self._events("processed_at >= %s AND processed_at < %s", list(window))

    def rows_of(self, event_ids: Iterable[str]) -> Events:
        """Return the events of these ids that have a row."""
        wanted = list(event_ids)
        return self._events("event_id = ANY(%s)", [wanted]) if wanted else {}

    def newest_run(self, *, standing: bool) -> AuditRun | None:
        """Return the run that ended last; of the standing ones, that whose window does."""
        order = sql.SQL(
            "standing ORDER BY until DESC, finished_at DESC" if standing else "true ORDER BY finished_at DESC"
        )
        table = sql.Identifier(AUDIT_RUNS.name)
        statement = sql.SQL("SELECT * FROM {} WHERE {} LIMIT 1").format(table, order)
        row = self._connection.execute(statement).fetchone()
        return None if row is None else AuditRun.model_validate(row)

    def followed(self) -> list[AuditDifference]:
        """Return every difference that is open or under way, the oldest first."""
        statement = sql.SQL("SELECT * FROM {} WHERE state = ANY(%s) ORDER BY since, hop, subject").format(
            sql.Identifier(AUDIT_DIFFERENCES.name)
        )
        return [AuditDifference.model_validate(row) for row in self._connection.execute(statement, [_FOLLOWED])]

    def count_open(self) -> Mapping[str, int]:
        """Return how many differences are open at each hop that has any."""
        statement = sql.SQL("SELECT hop, count(*) AS count FROM {} WHERE state = 'open' GROUP BY hop").format(
            sql.Identifier(AUDIT_DIFFERENCES.name)
        )
        return {row["hop"]: row["count"] for row in self._connection.execute(statement)}

    def accepted(self) -> set[tuple[str, str]]:
        """Return the hop and subject of each difference that a person has judged final."""
        statement = sql.SQL("SELECT hop, subject FROM {} WHERE state = 'accepted'").format(
            sql.Identifier(AUDIT_DIFFERENCES.name)
        )
        return {(row["hop"], row["subject"]) for row in self._connection.execute(statement)}

    def write(self, run: AuditRun, differences: Sequence[AuditDifference]) -> None:
        """Keep a run and what became of each difference, all or nothing.

        A difference that was judged final stays so.
        """
        with self._connection.transaction():
            insert(self._connection, AUDIT_RUNS, [run.model_dump()])
            self._keep(differences)

    def accept(self, subject: str, note: str, moment: datetime) -> list[AuditDifference]:
        """Judge the open differences about a subject final; return those that there were."""
        statement = sql.SQL(
            "UPDATE {} SET state = 'accepted', note = %s, resolved_at = %s WHERE subject = %s AND state = ANY(%s) "
            "RETURNING *"
        ).format(sql.Identifier(AUDIT_DIFFERENCES.name))
        rows = self._connection.execute(statement, [note, moment, subject, _FOLLOWED])
        return [AuditDifference.model_validate(row) for row in rows]

    def _keep(self, differences: Sequence[AuditDifference]) -> None:
        changing = [column.name for column in AUDIT_DIFFERENCES.columns if column.name not in {"found_at", "note"}]
        update = sql.SQL(
            "UPDATE {} SET {} WHERE hop = %(hop)s AND subject = %(subject)s AND state <> 'accepted'"
        ).format(
            sql.Identifier(AUDIT_DIFFERENCES.name),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changing
            ),
        )
        rows = [difference.model_dump() for difference in differences]
        with self._connection.cursor() as cursor:
            # Rows that are there already are left alone by the insert, hence the update after it.
            insert(self._connection, AUDIT_DIFFERENCES, rows)
            cursor.executemany(update, rows)

    def _events(self, condition: LiteralString, parameters: Sequence[Any]) -> Events:
        statement = sql.SQL(
            "SELECT event_id, provider, currency, amount_cents, processed_at, scored_at FROM {} WHERE {}"
        ).format(sql.Identifier(PAYMENT_EVENTS.name), sql.SQL(condition))
        found: dict[str, Event] = {}
        for row in self._connection.execute(statement, parameters):
            money = Money(row["currency"], row["amount_cents"])
            found[row["event_id"]] = Event(
                row["event_id"], row["scored_at"], row["provider"], money, row["processed_at"]
            )
        return found


@contextmanager
def open_database(dsn: SecretStr) -> Iterator[AuditDatabase]:
    """Open a session.

    Raises:
        UnavailableError: The database does not answer.
        DeploymentError: It lacks the audit's tables, or may not be written.
    """
    try:
        with psycopg.connect(
            dsn.get_secret_value(),
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
            row_factory=psycopg.rows.dict_row,
        ) as connection:
            connection.execute("SET timezone = 'UTC'")
            yield AuditDatabase(connection)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise DeploymentError(
            f"The operational database is older than its contracts: {error.diag.message_primary}. Run `make database`."
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise DeploymentError(
            f"The operational database refuses it: {error.diag.message_primary}. Grant the role "
            "SELECT on payment_events, and all on the audit's tables."
        ) from error
    except psycopg.OperationalError as error:
        # Without the driver's words: they may show the address with its login.
        raise UnavailableError(unreachable(error)) from error


def insert(connection: _Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows by the statement of their contract; a row whose key is there already is left as it is."""
    with psycopg.RawCursor(connection) as cursor:
        cursor.executemany(
            table.insert,
            [[_adapted(row[column.name]) for column in table.columns] for row in rows],
        )


def _adapted(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value
