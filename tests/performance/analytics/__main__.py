"""Prints what a build of Silver costs as Bronze grows: `make bench BENCH=analytics`.

One Bronze table of the bench's own grows to each size in turn. At each, so many events are added as the news, and
Silver is built. What is expected: that costs the same at the first and the last size (within a fifth), and at the size
where everything is built anew too, as the baseline, a tenth of that for a hundredth of its rows.
"""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import trino
import typer
from analytics.project import find_project, prepare
from analytics.settings import AnalyticsSettings
from kit.lake import load_catalog
from kit.settings import LakeSettings, load
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS as BRONZE
from rich.console import Console
from stack.session import Session
from stack.settings import Settings

from tests.performance.analytics.commits import commit_events
from tests.performance.analytics.costs import Cost, Dbt, middle
from tests.performance.analytics.expected import judge
from tests.performance.analytics.rows import Stretch, insert
from tests.performance.chain.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024
SILVER = ("run", "--select", "payments_sources", "payments.silver", "--exclude", "tag:daily")
GOLD = ("run", "--select", "daily_payment_metrics")


@contextmanager
def own_lake(root: Path) -> Iterator[tuple[dict[str, str], Any, str]]:
    """Make schemas and a Bronze of the bench's own; yield dbt's environment, a function that asks Trino, and Bronze."""
    tag = uuid.uuid4().hex[:6]
    namespace, suffix = f"bronze_bench_{tag}", f"_bench_{tag}"
    shutil.copytree(ROOT / "dbt", root / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    shutil.copytree(ROOT / "generated" / "dbt", root / "generated" / "dbt")
    sources = root / "generated" / "dbt" / "models" / "sources.yml"
    sources.write_text(sources.read_text().replace("schema: bronze\n", f"schema: {namespace}\n"))
    os.environ |= {"DBT_PROJECT_DIR": str(root / "dbt"), "DBT_SCHEMA_SUFFIX": suffix}
    prepare(find_project(AnalyticsSettings()))
    catalog = load_catalog(load(LakeSettings))
    original = catalog.load_table(BRONZE.identifier)
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=os.environ["TRINO_HOST"], port=int(os.environ["TRINO_PORT"]), user=os.environ["TRINO_USER"], catalog="lake"
    )

    def ask(statement: str) -> list[list[Any]]:
        cursor = connection.cursor()
        cursor.execute(statement.format(silver=f"silver{suffix}", gold=f"gold{suffix}"))
        return [list(row) for row in cursor.fetchall()]

    with ExitStack() as undo:
        undo.callback(connection.close)
        catalog.create_namespace(namespace)
        undo.callback(ask, f"drop schema {namespace} cascade")
        catalog.create_table(
            (namespace, BRONZE.name),
            original.schema(),
            None,
            original.spec(),
            original.sort_order(),
            original.properties,
        )
        for layer in ("silver", "gold"):
            undo.callback(ask, f"drop schema if exists {{{layer}}} cascade")
        yield dict(os.environ), ask, f"{namespace}.{BRONZE.name}"


class Bench:
    """One growing Bronze, and what builds over it cost."""

    def __init__(self, console: Console, dbt: Dbt, ask: Any, bronze: str) -> None:
        self._console, self._dbt, self._ask, self._bronze = console, dbt, ask, bronze
        self._filled = 0

    def fill(self, size: int, step: int) -> None:
        """Add events up to a number, and build Silver after each step, so that no build is larger than memory."""
        while self._filled < size:
            self.add(min(step, size - self._filled))
            self._dbt.run(*SILVER)
            self._console.print(f"Silver has been built of {self._filled:,} events")

    def add(self, count: int) -> None:
        """Add events."""
        self._ask(insert(self._bronze, Stretch(self._filled, self._filled + count)))
        self._filled += count

    def news(self, count: int, rounds: int) -> Cost:
        """Add events and build, so often; return the medians."""
        costs = []
        for _ in range(rounds):
            self.add(count)
            costs.append(self._dbt.run(*SILVER))
        return middle(costs)

    def warm_up(self, count: int, builds: int) -> Cost:
        """Build news so often that Trino has compiled what it runs; return what the first of them cost."""
        costs = [self.news(count, 1) for _ in range(builds)]
        return costs[0]

    def anew(self) -> Cost:
        """Build everything from scratch."""
        return self._dbt.run(*SILVER, "--full-refresh")

    def idle(self, rounds: int) -> Cost:
        """Build without news; return the medians."""
        return middle([self._dbt.run(*SILVER) for _ in range(rounds)])

    def gold(self) -> Cost:
        """Build Gold from Silver."""
        return self._dbt.run(*GOLD)

    def compact(self) -> None:
        """Merge small files of all tables."""
        for name in ("payments_cleaned", "payment_history", "payments"):
            self._ask(f"alter table {{silver}}.{name} execute optimize")
        self._ask(f"alter table {self._bronze} execute optimize")

    def crowd(self, commits: int, builds: int) -> None:
        """Add events in so many commits, and build Silver so many times meanwhile."""
        for _ in range(builds):
            self._filled = commit_events(self._bronze, self._filled, commits // builds)
            self._dbt.run(*SILVER)


def bench(
    *,
    sizes: Annotated[str, typer.Option(help="Events of Bronze at which the news is measured, in blocks of 10,000.")] = (
        "100000,1000000,5000000"
    ),
    anew_at: Annotated[int, typer.Option(help="The one of these at which everything is built anew, too.")] = 1_000_000,
    news: Annotated[int, typer.Option(help="Events that are the news.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="Builds of which the median counts.")] = 3,
    warm_up: Annotated[
        int, typer.Option(min=0, help="Builds of news before any counts: Trino compiles what it runs often.")
    ] = 6,
    step: Annotated[int, typer.Option(help="Events that Bronze grows by between builds.")] = 500_000,
    commits: Annotated[int, typer.Option(min=0, help="Commits to Bronze before Gold is asked; 0 for none.")] = 5000,
    root: Annotated[Path, typer.Option(help="A folder for the prepared dbt project.")] = Path("/tmp/analytics-bench"),  # noqa: S108
) -> None:
    """Print what builds cost; exit with 1 where one fails, or costs more than is expected."""
    console = Console(width=None if Console().is_terminal else 120, highlight=False)
    supervisor = Session(Settings(), console).supervisor
    pids = {info.name: info.pid for info in supervisor.processes().values() if info.pid}
    shutil.rmtree(root, ignore_errors=True)
    shown = table(
        "Builds of Silver", "", "events", "seconds", "CPU s", "dbt", "Trino", "catalog", "store", "largest MiB"
    )

    def show(title: str, events: int, cost: Cost) -> None:
        cells = [f"{cost.cpu[name]:.1f}" for name in ("dbt", "trino", "catalog", "object-store")]
        row = [f"{events:,}", f"{cost.seconds:.1f}", f"{cost.total:.1f}", *cells, f"{cost.peak_bytes / MIB:.0f}"]
        shown.add_row(title, *row)
        console.print(title, *row)

    with own_lake(root) as (environment, ask, bronze):
        measured = Bench(console, Dbt(environment, pids), ask, bronze)
        found: dict[int, Cost] = {}
        anew: Cost | None = None
        for size in map(int, sizes.split(",")):
            measured.fill(size, step)
            if warm_up and not found:
                show(f"the first of {warm_up} that do not count", size, measured.warm_up(news, warm_up))
            if size == anew_at:
                anew = measured.anew()
                show("all of it anew", size, anew)
            found[size] = measured.news(news, rounds)
            show(f"{news:,} new events", size, found[size])
        show("nothing new", size, measured.idle(rounds))
        crowded = measured_gold(measured, commits) if commits else None
    console.print(shown)
    results = list(judge(found, None if anew is None else (anew_at, anew), crowded))
    for result in results:
        console.print(result.text)
    if not all(result.is_reached for result in results):
        raise typer.Exit(1)


def measured_gold(measured: Bench, commits: int) -> tuple[Cost, Cost]:
    """Return what Gold costs after many commits to Bronze, with ten builds of Silver among them, and once compacted."""
    measured.crowd(commits, builds=10)
    measured.gold()
    before = measured.gold()
    measured.compact()
    return before, measured.gold()


if __name__ == "__main__":
    typer.run(bench)
