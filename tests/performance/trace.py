"""Prints what `payments trace` takes as tables grow: `make bench BENCH=trace`.

A stack of the bench's own gets events in Bronze, the archive, the operational database, Silver and Gold, in steps; no
workflow and no topic has them, as months later. At the first step and at the last, events of all times are traced by
each kind of id, each by a command of its own. What is expected: under two seconds, at the last as at the first, and
each trace has found its event in all of these tables, or the bench fails.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Final

import psycopg
import pyarrow as pa
import pyarrow.csv
import trino
import typer
from analytics.project import find_project, prepare
from analytics.settings import AnalyticsSettings
from kit.lake import load_catalog
from kit.settings import LakeSettings, load
from operations.trace.gather import between
from payments_contracts.database import PAYMENT_EVENTS
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, BRONZE_PROVIDER_EVENTS
from psycopg import sql
from rich.console import Console
from stack.session import Session
from stack.settings import Settings

from tests.conftest import ROOT, run_stack
from tests.performance.analytics.__main__ import GOLD, SILVER
from tests.performance.analytics.costs import Dbt
from tests.performance.analytics.rows import Stretch, insert, made_at
from tests.performance.chain.tables import table

if TYPE_CHECKING:
    from datetime import datetime

SECONDS = 2.0
HOPS: Final = frozenset({"archive", "Bronze", "database", "Silver", "payment", "Gold"})
"""Where each event is found."""
KINDS: Final = ("event_id", "provider_event_id", "provider_object_id")
# What Bronze holds as lists and maps; the trace does not read them.
_NESTED: Final = {"metadata": "{}", "rule_violations": "[]"}
_PAYMENTS: Final = str(Path(sys.executable).with_name("payments"))


class Filled:
    """The stack whose tables grow."""

    def __init__(self, dbt: Dbt, ask: Any, database: psycopg.Connection) -> None:
        self._dbt, self._ask, self._database = dbt, ask, database
        self.rows = 0

    def grow(self, rows: int) -> None:
        """Add so many events to all tables but Gold, whose rows are built at the end of a step."""
        stretch = Stretch(self.rows, self.rows + rows)
        since, until = made_at(stretch.first), made_at(stretch.last)
        self._ask(insert(BRONZE_PAYMENT_EVENTS.identifier, stretch))
        self._ask(archive(since, until))
        self._copy(since, until)
        self._dbt.run(*SILVER)
        self.rows = stretch.last

    def build_gold(self) -> None:
        """Count the payments of all days."""
        self._dbt.run(*GOLD)
        self._database.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(PAYMENT_EVENTS.name)))

    def ids(self, count: int, draw: random.Random) -> list[dict[str, str]]:
        """Return the ids of events of all times."""
        numbers = [draw.randrange(self.rows) for _ in range(count)]
        events = [hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest() + "-evt" for number in numbers]
        columns = sql.SQL(", ").join(map(sql.Identifier, KINDS))
        statement = sql.SQL("SELECT {} FROM {} WHERE event_id = ANY(%s)").format(
            columns, sql.Identifier(PAYMENT_EVENTS.name)
        )
        rows = self._database.execute(statement, [events]).fetchall()
        return [dict(zip(KINDS, row, strict=True)) for row in rows]

    def _copy(self, since: datetime, until: datetime) -> None:
        near = between("provider_created_at", since, until)
        bronze = load_catalog(load(LakeSettings)).load_table(BRONZE_PAYMENT_EVENTS.identifier)
        names = [each.name for each in PAYMENT_EVENTS.columns if each.name not in _NESTED]
        scan = bronze.scan(near, selected_fields=tuple(names)).to_arrow_batch_reader()
        told = [field.name for field in scan.schema if not pa.types.is_nested(field.type)]
        columns = sql.SQL(", ").join(map(sql.Identifier, [*told, *_NESTED]))
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(PAYMENT_EVENTS.name), columns)
        with self._database.cursor() as cursor, cursor.copy(statement) as copy:
            for batch in scan:
                rows = pa.Table.from_batches([batch]).select(told)
                for name, value in _NESTED.items():
                    rows = rows.append_column(name, pa.array([value] * len(rows)))
                text = io.BytesIO()
                pyarrow.csv.write_csv(rows, text, pyarrow.csv.WriteOptions(include_header=False))
                copy.write(text.getvalue())


def archive(since: datetime, until: datetime) -> str:
    """Return the statement that adds the raw records of the events of a time to the archive."""
    return f"""
    insert into {BRONZE_PROVIDER_EVENTS.identifier} (
        event_id, provider, provider_event_id, provider_event_type, merchant_id, headers, payload, provider_created_at,
        received_at, schema_version, kafka_topic, kafka_partition, kafka_offset, kafka_timestamp, livemode
    )
    select
        event_id, provider, provider_event_id, event_type, merchant_id, map(array['content-type'], array['json']),
        to_utf8(rpad('{{"id": "' || to_hex(sha512(to_utf8(event_id))), 600, ' of a body')), provider_created_at,
        received_at, 2, 'payments.stripe.raw', 0, cast(substr(provider_event_id, 5) as bigint), received_at, true
    from {BRONZE_PAYMENT_EVENTS.identifier}
    where provider_created_at >= timestamp '{since:%Y-%m-%d %H:%M:%S.%f} UTC'
        and provider_created_at < timestamp '{until:%Y-%m-%d %H:%M:%S.%f} UTC'
    """  # noqa: S608  # times and names of ours


def traced(wanted: str) -> float:
    """Return the seconds that a trace takes; RuntimeError where it is not found in all tables."""
    began = time.monotonic()
    done = subprocess.run([_PAYMENTS, "trace", wanted, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    took = time.monotonic() - began
    for event in json.loads(done.stdout)["events"]:
        found = {hop["name"] for hop in event["hops"] if hop["state"] == "passed"}
        if lacking := HOPS - found:
            raise RuntimeError(f"{wanted} was not found in {', '.join(sorted(lacking))}: {done.stdout}")
    if done.returncode:
        raise RuntimeError(f"{wanted} was not found: {done.stdout}")
    return took


def bench(
    *,
    rows: Annotated[int, typer.Option(help="Events at the end, in blocks of 10,000.")] = 10_000_000,
    first: Annotated[int, typer.Option(help="Events at which the same is measured first.")] = 100_000,
    step: Annotated[int, typer.Option(help="Events that the tables grow by between builds of Silver.")] = 500_000,
    rounds: Annotated[int, typer.Option(min=1, help="Traces by each kind of id.")] = 10,
    seed: Annotated[int, typer.Option(help="Which events are traced.")] = 1,
) -> None:
    """Print what traces take; fail where one does not find its event."""
    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    run_stack("up", "--only", "infrastructure")
    run_stack("up", "--only", "deployment")
    os.environ |= json.loads(run_stack("env", "--format", "json")) | {"DBT_PROJECT_DIR": str(ROOT / "dbt")}
    prepare(find_project(AnalyticsSettings()))
    draw = random.Random(seed)  # noqa: S311  # of which events are traced
    shown = table("Traces, seconds", "", "events", "median", "most", "load")
    found: dict[tuple[int, str], list[float]] = {}
    with (
        psycopg.connect(os.environ["POSTGRES_DSN"], autocommit=True) as database,
        closing(
            trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
                host=os.environ["TRINO_HOST"], port=int(os.environ["TRINO_PORT"]), user="bench", catalog="lake"
            )
        ) as connection,
    ):

        def ask(statement: str) -> None:
            cursor = connection.cursor()
            cursor.execute(statement)
            cursor.fetchall()

        processes = Session(Settings(), console).supervisor.processes().values()
        filled = Filled(Dbt(os.environ, {info.name: info.pid for info in processes if info.pid}), ask, database)
        for size in (first, rows):
            while filled.rows < size:
                filled.grow(min(step, size - filled.rows))
                console.print(f"{filled.rows:,} events", markup=False)
            filled.build_gold()
            events = filled.ids(rounds, draw)
            traced(events[0][KINDS[0]])
            for kind in KINDS:
                times = found[size, kind] = [traced(each[kind]) for each in events]
                figures = (f"{size:,}", f"{median(times):.2f}", f"{max(times):.2f}", f"{os.getloadavg()[0]:.1f}")
                shown.add_row(f"by {kind}", *figures)
    console.print(shown)
    most = max(max(times) for (size, _), times in found.items() if size == rows)
    console.print(f"most at {rows:,}: {most:.2f} s (expected under {SECONDS:.0f})")
    for kind in KINDS:
        ratio = median(found[rows, kind]) / median(found[first, kind])
        console.print(f"by {kind}: {ratio:.2f} times what it takes at {first:,}")


if __name__ == "__main__":
    typer.run(bench)
