"""Prints what a commit and a look-up cost as Bronze gets commits: `make bench BENCH=lake`.

Costs are CPU time. By default the catalog and the objects are files on this machine, the least that they can be; with
`--real` they are the running stack's, on a table of its own, and the CPU time of the servers whose process ids are
given is counted, too. What is expected: the last hundred commits cost at most 1.2 times the first hundred (after a
warm-up), and a look-up at most 100 ms, however long the table has been written to.
"""

import argparse
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from kit.lake import IcebergTarget, Pending, Row, load_catalog, open_target
from kit.lake.manifests import FAN_OUT, Listed, live_entries, write_manifest
from kit.lake.objects import Staging
from kit.settings import LakeSettings, load
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS as BRONZE
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFile, ManifestEntry, ManifestEntryStatus
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.utils.datetime import datetime_to_micros
from rich.console import Console

NAMESPACE = "lake_bench"
MIDNIGHT = datetime(2026, 5, 1, tzinfo=UTC)
SECONDS_A_COMMIT = 0.75
WARM_UP = 20
TICKS = os.sysconf("SC_CLK_TCK")
SAY = partial(Console(highlight=False, soft_wrap=True).print)


@dataclass(frozen=True, slots=True)
class Servers:
    """Other processes whose CPU time counts, by name."""

    pids: dict[str, int]

    def seconds(self) -> dict[str, float]:
        """Return the CPU time of each with all its children, ended ones included."""
        return {name: self._tree(pid) for name, pid in self.pids.items()}

    def _tree(self, pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own = sum(int(ticks) for ticks in fields[11:15]) / TICKS
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return own + sum(self._tree(int(child)) for child in children)


def payment(at: datetime, n: int) -> Row:
    """Return a row of ordinary size."""
    return {
        "event_id": str(uuid.uuid4()),
        "provider": "stripe",
        "provider_event_id": f"evt_{n:024}",
        "event_type": "payment.succeeded",
        "merchant_id": f"merch_{n % 50}",
        "amount_cents": 100 + n,
        "currency": "USD",
        "currency_exponent": 2,
        "payment_method_type": "card",
        "card_brand": "visa",
        "card_last_four": "4242",
        "status": "succeeded",
        "metadata": {"order": str(n)},
        "provider_created_at": at,
        "processed_at": at,
        "rule_violations": [],
        "fraud_score": 0.1,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
        "scored_at": at,
        "schema_version": 2,
    }


@contextmanager
def table(*, real: bool) -> Iterator[tuple[Catalog, tuple[str, str], Path | None]]:
    """Make a table like Bronze, and drop it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        catalog: Catalog
        if real:
            catalog = load_catalog(load(LakeSettings))
        else:
            catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=Path(folder).as_uri())
        catalog.create_namespace_if_not_exists(NAMESPACE)
        identifier = (NAMESPACE, f"t_{uuid.uuid4().hex}")
        catalog.create_table(
            identifier,
            Schema.model_validate_json(BRONZE.schema_json),
            partition_spec=PartitionSpec.model_validate_json(BRONZE.partition_spec_json),
            properties=dict(BRONZE.properties),
        )
        try:
            yield catalog, identifier, None if real else Path(folder)
        finally:
            catalog.drop_table(identifier)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of this process for a piece of work."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def commit(target: IcebergTarget, rows: Sequence[Row], *, known_absent: bool = True) -> None:
    """Write a group; or, not known to be absent, look it up."""
    mark = target.mark if known_absent else None
    target.begin({str(row["event_id"]): Pending(row, mark) for row in rows}).step()


def fast_forward(target: IcebergTarget, commits: int) -> None:
    """Put the manifests of so many commits into the table, as merging would have left them, without their data files.

    What is written is the library's own writing of the same entries; only the files that they name do not exist.
    """
    commit(target, [payment(MIDNIGHT, 0)])
    table = target._table  # a bench may look inside
    (template,) = live_entries(table.manifests()[0], table.io)
    staging, metadata = Staging(), table.metadata
    time_id = metadata.schema().find_field("provider_created_at").field_id
    listed: list[Listed] = []
    for start in range(0, commits, FAN_OUT**2):
        entries = []
        for n in range(start, min(start + FAN_OUT**2, commits)):
            at = datetime_to_micros(MIDNIGHT - timedelta(seconds=(commits - n) * SECONDS_A_COMMIT)).to_bytes(
                8, "little"
            )
            file = DataFile(*template.data_file._data)  # records have no copy of their own
            file._data[1] = f"{template.data_file.file_path}.{n}"
            file._data[10] = template.data_file.lower_bounds | {time_id: at}
            file._data[11] = template.data_file.upper_bounds | {time_id: at}
            file.spec_id = metadata.default_spec_id
            entries.append(numbered_like(template, file))
        suffix = table.columns.suffix(table.columns.times(table.columns.bounds(entries)))
        location = table.location(f"{uuid.uuid4()}-m{start}{suffix}")
        head = metadata.current_snapshot_id or 0
        merged = write_manifest(metadata, staging, location, head, metadata.default_spec_id, existing=entries)
        listed.append(merged.committed(head, 1))
    staging.put(table.io, table.threads)
    table.take_manifests(metadata.current_snapshot_id or 0, 1, [*listed, *table.manifests()])


def numbered_like(entry: ManifestEntry, file: DataFile) -> ManifestEntry:
    """Return an entry for another file, otherwise the same."""
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.EXISTING,
        snapshot_id=entry.snapshot_id,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=file,
    )


def take_turns(young: IcebergTarget, old: IcebergTarget, *, rows: int) -> tuple[float, float]:
    """Return what each of 200 commits takes to a new table and to an old one, in turn."""
    sums = {id(young): 0.0, id(old): 0.0}
    for n in range(WARM_UP + 200):
        for target in (young, old):
            group = [payment(MIDNIGHT + timedelta(seconds=n * SECONDS_A_COMMIT), n * rows + i) for i in range(rows)]
            cost = milliseconds(partial(commit, target, group))
            sums[id(target)] += cost if n >= WARM_UP else 0.0
    return sums[id(young)] / 200, sums[id(old)] / 200


def main() -> None:
    """Run the bench and print its figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--commits", type=int, default=2000)
    options.add_argument("--rows", type=int, default=7, help="rows a commit")
    options.add_argument("--after", type=int, default=0, help="commits that the table is to have had before")
    options.add_argument("--expire-every", type=int, default=1)
    options.add_argument("--real", action="store_true", help="on the running stack's catalog and object store")
    options.add_argument("--server", action="append", default=[], metavar="NAME=PID")
    arguments = options.parse_args()
    servers = Servers({name: int(pid) for name, _, pid in (one.partition("=") for one in arguments.server)})
    with table(real=arguments.real) as (catalog, identifier, folder):
        options_of_target = {
            "key": BRONZE.key[0],
            "narrow_by": "provider_created_at",
            "followed_by": "processed_at",
            "expire_every": arguments.expire_every,
        }
        target = open_target(catalog, identifier, **options_of_target)
        if arguments.after:
            fast_forward(target, arguments.after)
            with table(real=arguments.real) as (other_catalog, other, _):
                new, old = take_turns(
                    open_target(other_catalog, other, **options_of_target), target, rows=arguments.rows
                )
            SAY(f"commit, in turn: to a new table {new:.1f}, after {arguments.after} {old:.1f}: {old / new:.2f} times")
        costs: list[float] = []
        kept: list[Row] = []
        for n in range(arguments.commits + WARM_UP):
            if n == WARM_UP:
                before = servers.seconds()
            at = MIDNIGHT + timedelta(seconds=n * SECONDS_A_COMMIT)
            rows = [payment(at, n * arguments.rows + i) for i in range(arguments.rows)]
            costs.append(milliseconds(partial(commit, target, rows)))
            kept.append(rows[0])
        costs = costs[WARM_UP:]
        SAY(f"{arguments.commits} commits of {arguments.rows} rows; CPU milliseconds; load {os.getloadavg()[0]:.1f}")
        first, last = sum(costs[:100]) / len(costs[:100]), sum(costs[-100:]) / len(costs[-100:])
        SAY(f"commit, this process: first hundred {first:.1f}, last hundred {last:.1f}: {last / first:.2f} times")
        SAY(f"commit, this process: mean {sum(costs) / len(costs):.1f}, dearest {max(costs):.0f}")
        for name, seconds in servers.seconds().items():
            SAY(f"commit, {name}: mean {(seconds - before[name]) * 1000 / len(costs):.1f}")
        restarted = open_target(catalog, identifier, **options_of_target)
        for who, asked in (("", target), (" after a restart", restarted)):
            for what, rows in (("a fresh key", kept[-1:]), ("the oldest key", kept[:1]), ("100 keys", kept[-100:])):
                cost = milliseconds(partial(commit, asked, rows, known_absent=False))
                SAY(f"look-up of {what}{who}: {cost:.1f}")
        for who, asked in (("", target), (", again", target)):
            # Not there, and of the time at which the table began: nothing answers before all of that time was seen.
            oldest = payment(MIDNIGHT - timedelta(seconds=arguments.after * SECONDS_A_COMMIT), 0)
            cost = milliseconds(partial(commit, asked, [oldest], known_absent=False))
            SAY(f"look-up and commit of a key as old as the table{who}: {cost:.1f}")
        metadata = catalog.load_table(identifier)
        head = metadata.current_snapshot()
        if head is not None:
            SAY(f"manifests in the list: {len(head.manifests(metadata.io))}")
        if folder is not None and head is not None:
            sizes = [
                Path(one.removeprefix("file://")).stat().st_size
                for one in (metadata.metadata_location, head.manifest_list)
            ]
            SAY(f"metadata.json {sizes[0]:,} bytes; manifest list {sizes[1]:,} bytes")


if __name__ == "__main__":
    main()
