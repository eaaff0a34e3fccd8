"""Prints what the archiver does a second, beside a consumer that only reads, and how long records wait for it.

`make bench BENCH=archiver`: topics and tables are of its own, on the running stack. Both read the same records, which
are written while they wait, in a process of their own. CPU time is that of these processes, without the servers'.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer
from confluent_kafka import Consumer, TopicPartition
from kit.lake.positions import POSITIONS
from payments_contracts.examples import EXAMPLES
from payments_contracts.topics import raw_topic
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.integration.archiving import PARTITIONS, RAW, Archiving, archiving_on, raw_records
from tests.integration.orchestration import wait_for
from tests.performance.chain.figures import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

STRIPE = raw_topic("stripe")
BODY = next(each.body for each in EXAMPLES if each.provider == "stripe" and each.kind == "accepted")
TICKS = os.sysconf("SC_CLK_TCK")
_WAIT_SECONDS = 300
_ONLY_READ = "--only-read"


@dataclass(frozen=True, slots=True)
class Reading:
    """How fast records were read, from the first written to the last read, and what that took of a processor."""

    records: int
    seconds: float
    cpu: float

    @property
    def per_second(self) -> float:
        return self.records / self.seconds

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds a record."""
        return 1000 * self.cpu / self.records


def bench(
    *,
    rows: Annotated[int, typer.Option(min=1, help="Records that are written at once.")] = 20_000,
    rate: Annotated[float, typer.Option(min=0.1, help="Records a second, of the second part.")] = 25,
    seconds: Annotated[float, typer.Option(min=0, help="How long the rate is held; 0 for no second part.")] = 60,
) -> None:
    """Print records a second, CPU milliseconds a record, and how long records wait for their commit."""
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as directory:
        with archiving_on(dict(os.environ), Path(directory)) as made:
            reading, archiving = _compare(made, rows)
        table = Table("", "records/s", "CPU ms a record", title=f"{rows} records of {len(BODY)} bytes at once")
        for name, each in (("reads only", reading), ("archives", archiving)):
            table.add_row(name, f"{each.per_second:,.0f}", f"{each.cpu_ms:.3f}")
        ratios = (archiving.per_second / reading.per_second, archiving.cpu_ms / reading.cpu_ms)
        table.add_row("ratio", *(f"{ratio:.2f}" for ratio in ratios))
        console.print(table)
        if seconds:
            with archiving_on(dict(os.environ), Path(directory)) as made:
                lags, cpu, idle = _hold(made, rate, seconds)
            waits = spread(lags)
            assert waits is not None
            console.print(
                f"at {rate:g} a second, {len(lags)} records: in the lake after p50 {waits.p50:.1f} s, "
                f"p99 {waits.p99:.1f} s, at most {waits.max:.1f} s; {1000 * cpu / len(lags):.2f} CPU ms a record with "
                f"what idling costs, which is {idle:.1%} of a core"
            )
    console.print(f"load of the machine: {os.getloadavg()[0]:.1f}")


def _compare(made: Archiving, rows: int) -> tuple[Reading, Reading]:
    """Let a plain consumer and then the archiver read the same number of records."""
    command = [sys.executable, "-m", "tests.performance.archiver", _ONLY_READ, made.topic(STRIPE), str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "waits\n"
        before, began = cpu_seconds(reader.pid), time.monotonic()
        _write(made, rows)
        assert reader.stdout.readline() == "has read\n"
        reading = Reading(rows, time.monotonic() - began, cpu_seconds(reader.pid) - before)
        reader.terminate()
    process = made.start()
    made.wait_for_rows(RAW, rows)
    before, began = cpu_seconds(process.pid), time.monotonic()
    _write(made, rows)
    _wait_for_positions(made, 2 * rows)
    return reading, Reading(rows, time.monotonic() - began, cpu_seconds(process.pid) - before)


def _hold(made: Archiving, rate: float, seconds: float) -> tuple[list[float], float, float]:
    """Return how long each record waited for its commit, the CPU seconds for all of them, and the part of idling."""
    process = made.start(ARCHIVE_MAX_SECONDS="15")
    wait_for("the archiver", lambda: _is_ready(made), 60)
    before, began = cpu_seconds(process.pid), time.monotonic()
    time.sleep(10)
    idle = (cpu_seconds(process.pid) - before) / (time.monotonic() - began)
    before, began, count = cpu_seconds(process.pid), time.monotonic(), round(rate * seconds)
    for number in track(range(count), "at the rate", transient=True):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        _write(made, 1)
    _wait_for_positions(made, count)
    return _lags(made), cpu_seconds(process.pid) - before, idle


def _is_ready(made: Archiving) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{made.port}/readyz").is_success
    except httpx.TransportError:
        return False


def _lags(made: Archiving) -> list[float]:
    """Return the seconds from each record's time in Kafka to that of the first snapshot that holds it."""
    table = made.catalog.load_table(made.table(RAW))
    commits = []
    for snapshot in table.snapshots():
        told = None if snapshot.summary is None else snapshot.summary.additional_properties.get(POSITIONS)
        if told is not None:
            commits.append((snapshot.timestamp_ms / 1000, _read(told)))
    topic, lags = made.topic(STRIPE), []
    for row in made.rows(RAW):
        place, at = f"{topic}/{row['kafka_partition']}", row["kafka_timestamp"].timestamp()
        lags.append(next(moment for moment, ends in commits if ends.get(place, 0) > row["kafka_offset"]) - at)
    return lags


def _write(made: Archiving, rows: int) -> None:
    made.produce(STRIPE, raw_records(rows, at=datetime.now(UTC), payload=BODY))


def _wait_for_positions(made: Archiving, number: int) -> None:
    topic = f"{made.topic(STRIPE)}/"

    def are_there() -> bool:
        found = made.positions(RAW)
        return sum(position for name, position in found.items() if name.startswith(topic)) >= number

    wait_for(f"{number} records in the lake", are_there, _WAIT_SECONDS)


def cpu_seconds(pid: int) -> float:
    """Return what a process has used of a processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:13]) / TICKS


def only_read(topic: str, rows: int) -> None:
    """Read records, and do nothing with them; tell when it waits for the first and has read the last."""
    consumer = Consumer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "archiver-bench"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    consumer.poll(1)
    sys.stdout.write("waits\n")
    sys.stdout.flush()
    while rows > 0:
        rows -= sum(message.error() is None for message in consumer.consume(500, timeout=0.1))
    sys.stdout.write("has read\n")
    sys.stdout.flush()
    time.sleep(60)


def _read(told: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(told)
    return found


def main(arguments: Sequence[str]) -> None:
    """Run the bench, or the consumer that it is compared with."""
    if arguments[:1] == [_ONLY_READ]:
        only_read(arguments[1], int(arguments[2]))
    else:
        typer.run(bench)


if __name__ == "__main__":
    main(sys.argv[1:])
