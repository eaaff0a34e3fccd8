"""Measures the gateway beside what else could receive webhooks: `make bench BENCH=gateway`.

All programs run at the same time and are loaded one after the other, round after round, so that what the machine does
besides hits them alike. Shown are medians over the rounds, with the least and the greatest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from simulator.mix import Kind
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, compose

from tests.performance.gateway.load import Measurement, Task
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.processes import Process

PROVIDER = "stripe"
SECRET = "whsec_bench"
SECRETS = [{"id": "bench", "secret": SECRET, "merchant_id": "merch_bench"}]
WEBHOOKS = 2_000
BASELINES = "tests.performance.gateway.baselines"


@dataclass(frozen=True)
class Program:
    """Something that receives webhooks."""

    name: str
    module: str
    environment: Mapping[str, str]


def baseline(name: str, app: str, server: str = "uvicorn") -> Program:
    return Program(name, BASELINES, {"BENCH_APP": app, "BENCH_SERVER": server})


GATEWAY = Program("gateway (uvicorn)", "gateway", {"GATEWAY_PROVIDER": PROVIDER})
BARE = baseline("bare handler (uvicorn)", "bare")
TEXTBOOK = baseline("textbook gateway", "textbook")
PROGRAMS = (
    GATEWAY,
    BARE,
    baseline("bare handler, gateway's producer", "bare_kit"),
    baseline("bare handler (granian)", "bare", "granian"),
    baseline("gateway as a route of FastAPI", "route"),
    TEXTBOOK,
)
# Ratios of throughput that are aimed at, and below which something is wrong; latencies in milliseconds.
AIM_OF_BARE, LEAST_OF_BARE = 0.90, 0.75
AIM_OF_TEXTBOOK, LEAST_OF_TEXTBOOK = 8.0, 5.0
MOST_OF_BARE_P99, AIM_P99, OUTLINE_P99 = 2.0, 15.0, 50.0


def bodies() -> list[bytes]:
    """Return accepted webhooks of every kind that the contracts have an example of."""
    plan = Plan("bench", WEBHOOKS, 1, 20, 1, {Kind.ACCEPTED: 1.0})
    secret = EndpointSecret.model_validate(SECRETS[0])
    webhooks = compose(plan, PROVIDERS[PROVIDER], EXAMPLES, secret, datetime.now(UTC), notification_url="")
    return [webhook.body for webhook in webhooks]


def measure(
    processes: Sequence[Process], bodies_file: str, *, seconds: float, connections: int, rate: float = 0
) -> Measurement:
    ports = [int(process.url.rsplit(":", 1)[1]) for process in processes]
    task = Task(ports, seconds, connections, rate, PROVIDER, SECRET, bodies_file)
    finished = subprocess.run(
        [sys.executable, "-m", "tests.performance.gateway.load"],
        input=json.dumps(asdict(task)),
        capture_output=True,
        text=True,
        check=True,
    )
    found = Measurement(**json.loads(finished.stdout))
    if set(found.statuses) != {"200"}:
        raise SystemExit(f"{processes[0].url} answered {found.statuses}, and not 200 alone: the figures mean nothing.")
    return found


def spread(values: Sequence[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def verdict(value: float, aim: float, least: float) -> str:
    return "reached" if value >= aim else "above the floor" if value >= least else "BELOW THE FLOOR"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measurement")
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--processes", type=int, default=1, help="of each program")
    options = parser.parse_args()
    console = Console()
    settings = {"WEBHOOK_SECRETS": json.dumps(SECRETS), "LOG_LEVEL": "WARNING"}
    with ExitStack() as open_:
        file = open_.enter_context(tempfile.NamedTemporaryFile(suffix=".jsonl"))
        Path(file.name).write_bytes(b"\n".join(bodies()))
        started = {
            each.name: [
                open_.enter_context(running(each.module, {**os.environ, **settings, **each.environment}))
                for _ in range(options.processes)
            ]
            for each in PROGRAMS
        }
        for processes in started.values():
            for process in processes:
                process.wait_until(200)
        throughput: dict[str, list[float]] = {each.name: [] for each in PROGRAMS}
        # Half of what the gateway carries, so that both are asked for the same.
        latencies: dict[str, list[Measurement]] = {GATEWAY.name: [], BARE.name: []}
        load = {"seconds": options.seconds, "connections": options.connections}
        with Progress(console=console, transient=True) as progress:
            steps = options.rounds * (len(PROGRAMS) + len(latencies))
            task = progress.add_task("measuring", total=steps + len(PROGRAMS))
            for each in PROGRAMS:
                progress.update(task, description=f"warming up: {each.name}", advance=1)
                measure(started[each.name], file.name, seconds=1, connections=options.connections)
            for number in range(options.rounds):
                for each in PROGRAMS:
                    progress.update(task, description=f"throughput, round {number + 1}: {each.name}", advance=1)
                    found = measure(started[each.name], file.name, **load)
                    throughput[each.name].append(found.requests_per_second)
            half = statistics.median(throughput[GATEWAY.name]) / 2
            for number in range(options.rounds):
                for name, measurements in latencies.items():
                    progress.update(task, description=f"latency, round {number + 1}: {name}", advance=1)
                    measurements.append(measure(started[name], file.name, rate=half, **load))
    show(console, options, throughput, latencies, half)


def show(
    console: Console,
    options: argparse.Namespace,
    throughput: Mapping[str, Sequence[float]],
    latencies: Mapping[str, Sequence[Measurement]],
    half: float,
) -> None:
    console.print(
        f"Webhooks, {options.processes} process(es) of each program: {options.rounds} rounds of {options.seconds:g} s, "
        f"{options.connections} connections, {os.cpu_count()} cores shared with Kafka and the senders; "
        "medians (least to greatest)"
    )
    table = Table("program", "requests a second", "of the bare handler", box=None)
    bare = statistics.median(throughput[BARE.name])
    for name, values in throughput.items():
        table.add_row(name, spread(values), f"{statistics.median(values) / bare:.2f}")
    console.print(table)
    table = Table(f"at {half:,.0f} a second", "p50, ms", "p99, ms", box=None)
    for name, found in latencies.items():
        table.add_row(name, spread([each.p50 for each in found], 1), spread([each.p99 for each in found], 1))
    console.print(table)
    # Each round has its own ratio: what disturbs a round disturbs both.
    of_bare = statistics.median(
        mine / other for mine, other in zip(throughput[GATEWAY.name], throughput[BARE.name], strict=True)
    )
    of_textbook = statistics.median(
        mine / other for mine, other in zip(throughput[GATEWAY.name], throughput[TEXTBOOK.name], strict=True)
    )
    p99, bare_p99 = (statistics.median(each.p99 for each in latencies[name]) for name in (GATEWAY.name, BARE.name))
    console.print(
        f"throughput: {of_bare:.2f} of the bare handler's (aim {AIM_OF_BARE}, floor {LEAST_OF_BARE}): "
        f"{verdict(of_bare, AIM_OF_BARE, LEAST_OF_BARE)}\n"
        f"throughput: {of_textbook:.1f} times the textbook gateway's (aim {AIM_OF_TEXTBOOK:g}, floor "
        f"{LEAST_OF_TEXTBOOK:g}): {verdict(of_textbook, AIM_OF_TEXTBOOK, LEAST_OF_TEXTBOOK)}\n"
        f"p99 at half load: {p99:.1f} ms, {p99 / bare_p99:.2f} times the bare handler's (aim {MOST_OF_BARE_P99:g} "
        f"times and {AIM_P99:g} ms, never above {OUTLINE_P99:g} ms): "
        f"{'reached' if p99 < AIM_P99 and p99 <= MOST_OF_BARE_P99 * bare_p99 else 'MISSED'}"
    )
    console.print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
