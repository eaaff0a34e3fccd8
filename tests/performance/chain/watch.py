"""Everything that is watched while a bench runs: services, topic, table and machine."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kit.kafka import RegistryClient
from kit.lake.catalog import load_catalog
from kit.settings import LakeSettings
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED
from pyiceberg.io import load_file_io
from rich.console import Console
from stack.memory import tree_bytes
from stack.ports import LOOPBACK
from stack.session import Session
from stack.settings import Settings

from tests.performance.chain.accounts import Accounts
from tests.performance.chain.figures import difference
from tests.performance.chain.lake import DatabasePointer, LakeWatch
from tests.performance.chain.proc import Proc
from tests.performance.chain.scheduled import ScheduledRuns
from tests.performance.chain.stream import StreamWatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.performance.chain.accounts import Usage
    from tests.performance.chain.proc import Machine

_MIB = 1024 * 1024
_SECONDS_BETWEEN_LOOKS = 2.0
_ADMINISTRATOR = "postgres"
_OWN_SESSION = f"postgres: {_ADMINISTRATOR}"
SUPERVISOR = "supervisord"


@dataclass(frozen=True)
class Look:
    """What had been used at a moment: by the services, by the bench itself, by the whole machine."""

    at: float
    usage: Usage
    own: float
    machine: Machine


@dataclass(frozen=True)
class Span:
    """What was used between two looks, in seconds of CPU; `load` is the machine's average of the last minute."""

    seconds: float
    usage: Usage
    own: float
    machine: Machine
    load: float
    dagster_runs: Mapping[str, int]

    def conditions(self) -> dict[str, Any]:
        """Return how busy the machine was, by all that ran on it, as fractions of its cores; and what Dagster ran."""
        return {
            "dagster_runs": self.dagster_runs,
            "load_average": self.load,
            "busy": self.machine.busy / self.machine.total,
            "steal": self.machine.stolen / self.machine.total,
        }


def _dsn(session: Session, database: str) -> str:
    # As the administrator, who has no other session: so what watching costs Postgres can be told apart.
    password = session.secrets().postgres_password.get_secret_value()
    return f"postgresql://{_ADMINISTRATOR}:{password}@{LOOPBACK}:{session.ports.postgres}/{database}"


def watch_bronze(session: Session, stack: Mapping[str, str]) -> LakeWatch:
    """Begin to watch Bronze; `stack` is the environment of `stack env`."""
    dsn = _dsn(session, "iceberg")
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in stack.items()}))
    table = (BRONZE_PAYMENT_EVENTS.namespace, BRONZE_PAYMENT_EVENTS.name)
    return LakeWatch(DatabasePointer(dsn, table), load_file_io(catalog.properties))


class Watch:
    """The observers of a running stack; `stack` is the environment of `stack env`. To be closed."""

    def __init__(self, stack: Mapping[str, str]) -> None:
        session = Session(Settings(), Console())
        self._supervisor = session.supervisor
        if not self._supervisor.is_running():
            raise RuntimeError("The stack is not running: `make up` first.")
        self.proc = Proc()
        self._scheduled = ScheduledRuns(_dsn(session, "dagster"))
        self._accounts = Accounts(self.proc, self.pids, alone={SUPERVISOR})
        # Looks come from a thread of their own and from the bench.
        self._lock = threading.Lock()
        self._stop = threading.Event()
        with ExitStack() as open_:
            self.registry = open_.enter_context(RegistryClient(stack["SCHEMA_REGISTRY_URL"]))
            self.lake = watch_bronze(session, stack)
            open_.callback(self.lake.close)
            self.stream = StreamWatch(stack["KAFKA_BOOTSTRAP_SERVERS"], self.registry, NORMALIZED)
            open_.callback(self.stream.close)
            self._thread = threading.Thread(target=self._keep_looking, name="accounts", daemon=True)
            self._thread.start()
            open_.callback(self._thread.join)
            open_.callback(self._stop.set)
            self._open = open_.pop_all()

    def pids(self) -> dict[str, int]:
        """Return the process ids of all services that run, by name."""
        found = {info.name: info.pid for info in self._supervisor.processes().values() if info.pid}
        return found | {SUPERVISOR: self._supervisor.pid()}

    def youngest(self) -> tuple[str, float]:
        """Return the service that was started last, and since how many seconds it runs."""
        infos = [info for info in self._supervisor.processes().values() if info.pid]
        last = max(infos, key=lambda info: info.started)
        return last.name, time.time() - last.started

    @property
    def restarts(self) -> dict[str, int]:
        """How often services were started anew while they were watched."""
        return dict(self._accounts.restarts)

    def memory(self) -> dict[str, float]:
        """Return the MiB that each service has now, with its children."""
        pids = self.pids()
        memory = tree_bytes(pid for name, pid in pids.items() if name != SUPERVISOR)
        return {name: memory[pid] / _MIB for name, pid in pids.items() if name != SUPERVISOR}

    def look(self) -> Look:
        """Take down what has been used up to now."""
        with self._lock:
            usage = self._accounts.look()
        own = time.process_time() + usage.pop(_OWN_SESSION, 0.0)
        return Look(time.time(), usage, own, self.proc.machine())

    def between(self, first: Look, last: Look) -> Span:
        """Return what was used between two looks."""
        return Span(
            last.at - first.at,
            difference(last.usage, first.usage),
            last.own - first.own,
            last.machine.since(first.machine),
            self.proc.load(),
            self._scheduled.between(first.at, last.at),
        )

    def troubles(self) -> dict[str, Any]:
        """Return what the observers stumbled over."""
        return {"lake": dict(self.lake.troubles), "stream": dict(self.stream.troubles)}

    def close(self) -> None:
        """Stop watching."""
        self._open.close()

    def _keep_looking(self) -> None:
        # What a process used since the last look is lost when it is killed.
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            with self._lock:
                self._accounts.look()
