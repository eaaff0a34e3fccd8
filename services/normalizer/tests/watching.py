"""What a watcher is tested with: its plan, a clock that moves, a pacer that remembers."""

from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

from normalizer.configuration import FINGERPRINT
from normalizer.pacer import Pacer
from normalizer.watcher import Plan

from services.normalizer.tests.flink import NOW

if TYPE_CHECKING:
    from kit.errors import Fault


class Impatient(Event):
    """An event whose waits take no time."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0)


SAME = {FINGERPRINT: "f1"}
PLAN = Plan(
    name="normalizer-stripe",
    former_name="normalizer",
    fingerprint="f1",
    savepoint_dir="s3://flink/savepoints/normalizer",
    start_timeout_s=60,
    stop_timeout_s=5,
    checkpoint_stall_s=30,
    transaction_timeout=timedelta(days=3),
)


class TickingClock:
    """A clock that moves on by a second at each look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class FakePacer(Pacer):
    """Remembers which jobs it was told to follow, and fails where a test wants it to."""

    def __init__(self) -> None:
        self.followed: list[str | None] = []
        self.fault: Fault | None = None

    def follow(self, job_id: str | None) -> None:
        self.followed.append(job_id)

    def check(self) -> None:
        if self.fault is not None:
            raise self.fault
