"""What each object store of the local stack costs, one after the other, on a stack of its own that is thrown away.

CPU is read from /proc, of the store's process alone: other load on the machine inflates it only a little. Times on the
clock are printed where they are the question (until ready), and worth something on a quiet machine only.
"""

import argparse
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from kit.lake import load_catalog
from kit.settings import LakeSettings
from pyarrow.fs import FileSelector, S3FileSystem
from rich.console import Console
from rich.table import Table

from tests.supervised import pid_of

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-stack" / "bin" / "stack"
STORES = ("minio", "seaweedfs")
BUCKET = "lakehouse"
CLIENTS = 4
TIMEOUT_SECONDS = 20.0
TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of what are sent."""

    objects: int
    large: int
    reads: int
    lists: int
    commits: int
    idle_seconds: float


class Stack:
    """One store with a catalog on it, in a state directory of its own."""

    def __init__(self, store: str, state: Path) -> None:
        self.state = state
        self._environment = os.environ | {
            "OBJECT_STORE": store,
            "PAYMENTS_STATE_DIR": str(state),
            "PAYMENTS_PORT_OFFSET": os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000"),
        }

    def run(self, *arguments: str) -> str:
        """Run `stack` and return what it prints."""
        command = [str(PROGRAM), *arguments]
        return subprocess.run(command, env=self._environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def settings(self) -> Mapping[str, str]:
        """Return the environment of the services."""
        found: Mapping[str, str] = json.loads(self.run("env", "--format", "json"))
        return found


@contextmanager
def running(store: str) -> Iterator[Stack]:
    """Run a store and a catalog until the block ends, and leave nothing."""
    state = ROOT / f".state-bench-{store}"
    shutil.rmtree(state, ignore_errors=True)
    stack = Stack(store, state)
    try:
        yield stack
    finally:
        stack.run("down")
        shutil.rmtree(state, ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_megabytes(pid: int) -> float:
    """Return the memory that a process has, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def disk_megabytes(directory: Path) -> float:
    """Return the space that a directory takes on the disk, in MB."""
    return sum(file.lstat().st_blocks * 512 for file in directory.rglob("*")) / MEGABYTE


def in_parallel(work: Callable[[int], object], count: int) -> None:
    """Do a work once for each number, a few at a time."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(count)))


def measure(store: str, sizes: Sizes) -> dict[str, float]:
    """Return the figures of one store: CPU milliseconds per piece of work, seconds, MB."""
    figures: dict[str, float] = {}
    with running(store) as stack:
        started = time.monotonic()
        stack.run("up", "object-store")
        figures["until ready, s"] = time.monotonic() - started
        stack.run("up", "catalog")
        settings, pid = stack.settings(), pid_of("object-store", stack.state)

        def cost(name: str, count: int, work: Callable[[], None]) -> None:
            before = cpu_seconds(pid)
            work()
            figures[f"{name}, CPU ms each"] = (cpu_seconds(pid) - before) * 1000 / count

        figures["memory at first, MB"] = resident_megabytes(pid)
        before = cpu_seconds(pid)
        time.sleep(sizes.idle_seconds)
        figures["idle, CPU ms a second"] = (cpu_seconds(pid) - before) * 1000 / sizes.idle_seconds
        files = _filesystem(settings)
        small, large = os.urandom(5_000), os.urandom(50_000)

        def put(prefix: str, body: bytes) -> Callable[[int], object]:
            def write(number: int) -> None:
                with files.open_output_stream(f"{BUCKET}/{prefix}/{number % 20:02}/{number:06}") as stream:
                    stream.write(body)

            return write

        def get(number: int) -> None:
            with files.open_input_file(f"{BUCKET}/large/{number % 20:02}/{number % sizes.large:06}") as file:
                file.read_at(8_000, 30_000)

        def list_all() -> None:
            for _ in range(sizes.lists):
                found = files.get_file_info(FileSelector(f"{BUCKET}/small", recursive=True))
                if len([info for info in found if info.is_file]) != sizes.objects:
                    raise AssertionError(f"{store} lists {len(found)} objects")

        cost("PUT of 50 KB", sizes.large, lambda: in_parallel(put("large", large), sizes.large))
        cost("ranged GET", sizes.reads, lambda: in_parallel(get, sizes.reads))
        cost("Iceberg commit of 100 rows", sizes.commits, lambda: _commit(settings, sizes.commits))
        disk = disk_megabytes(stack.state / "data" / store)
        cost("PUT of 5 KB", sizes.objects, lambda: in_parallel(put("small", small), sizes.objects))
        figures["memory after the PUTs, MB"] = resident_megabytes(pid)
        figures["disk for an object of 5 KB, KB"] = (
            (disk_megabytes(stack.state / "data" / store) - disk) * 1024 / sizes.objects
        )
        cost(f"LIST of {sizes.objects}", sizes.lists, list_all)
        cost("DELETE", sizes.objects, lambda: files.delete_dir_contents(f"{BUCKET}/small"))
        figures["memory at last, MB"] = resident_megabytes(pid)
    return figures


def _filesystem(settings: Mapping[str, str]) -> S3FileSystem:
    # A small object is one PUT, not a multipart upload.
    return S3FileSystem(
        access_key=settings["S3_ACCESS_KEY_ID"],
        secret_key=settings["S3_SECRET_ACCESS_KEY"],
        endpoint_override=settings["S3_ENDPOINT"],
        region=settings["S3_REGION"],
        allow_delayed_open=True,
        # As the lake's own; the library's default of three is little for the deletion of a thousand on a busy machine.
        request_timeout=TIMEOUT_SECONDS,
        connect_timeout=TIMEOUT_SECONDS,
    )


def _commit(settings: Mapping[str, str], count: int) -> None:
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in settings.items()}))
    catalog.create_namespace("bench")
    rows = pa.table({"id": list(range(100)), "text": [f"row {number}" for number in range(100)]})
    table = catalog.create_table("bench.commits", rows.schema)
    for _ in range(count):
        table.append(rows)


def main() -> None:
    """Measure the stores and print their figures beside each other, and as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000, help="how many small objects")
    parser.add_argument("--stores", nargs="+", default=STORES, choices=STORES)
    parser.add_argument("--idle", type=float, default=30.0, help="how many seconds to do nothing")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    arguments = parser.parse_args()
    sizes = Sizes(arguments.objects, 2_000, 2_000, 3, 50, arguments.idle)
    results = {store: measure(store, sizes) for store in arguments.stores}
    table = Table("", *results, box=None)
    for name in next(iter(results.values())):
        table.add_row(name, *(f"{figures[name]:.2f}" for figures in results.values()))
    console = Console()
    console.print(table)
    console.print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
