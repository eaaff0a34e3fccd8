"""Kills Flink and Kafka again and again while events flow, and between a checkpoint and its commit before a downtime.

A reader of committed records has to see each event once, and the events of each merchant in order.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from kit.registry import RegistryClient
from stack.gateways import gateways
from stack.shutdown import stop_services

from tests.faults.stream import Load, Reader, faults
from tests.faults.victims import Victims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stack.session import Session

VICTIMS = ("flink-taskmanager", "flink-jobmanager", "kafka")
TARGET_SECONDS = 15.0
_FLINK = VICTIMS[:2]
_PATIENCE_SECONDS = 300.0
_STEP_SECONDS = 0.05
_CALM_SECONDS = 3.0
# Whether a kill hits the window is chance.
_MORE_TRIES = 3
_LOST = "normalizer_job_lost_transactions"


@dataclass(frozen=True)
class Plan:
    """How often each is killed, how often both of Flink between checkpoint and commit, and how long they stay away."""

    kills: int
    windows: int
    downtime: float
    rate: float
    seed: int


def order(plan: Plan) -> list[str]:
    """Return the victims in a random order that the seed decides."""
    victims = [name for name in VICTIMS for _ in range(plan.kills)]
    random.Random(plan.seed).shuffle(victims)  # noqa: S311 - not for secrets
    return victims


def go_away(once: Callable[[], int], windows: int) -> list[int]:
    """Have Flink go away so often, and some times more until one of these hits; return how many records each held."""
    held: list[int] = []
    while len(held) < windows or (windows and not any(held) and len(held) < windows + _MORE_TRIES):
        held.append(once())
    return held


def misses(held: Sequence[int]) -> Iterator[str]:
    """Yield what is wrong where Flink went away, and never between a checkpoint and its commit."""
    if held and not any(held):
        yield (
            f"none of {len(held)} downtimes began between a checkpoint and its commit, so nothing is shown of these: "
            "try once more, with more --windows or a higher --rate, and look whether checkpoints come at all"
        )


def lateness(recoveries: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Yield a sentence for each victim after whose end events did not flow again in time."""
    for victim, seconds in sorted(recoveries.items()):
        if late := [each for each in seconds if each > TARGET_SECONDS]:
            yield (
                f"{victim}: {len(late)} of {len(seconds)} recoveries took longer than {TARGET_SECONDS:g} s, "
                f"{max(late):.1f} s at most"
            )


def lost_transactions(metrics: str) -> float:
    """Return how many transactions are lost by what a normalizer's program tells of itself.

    Raises:
        ValueError: It tells nothing of them.
    """
    for line in metrics.splitlines():
        name, _, value = line.rpartition(" ")
        if name == _LOST:
            return float(value)
    raise ValueError(f"a normalizer's program has no {_LOST}")


class StreamOrdeal:
    """One run over a stack whose normalizers are up."""

    def __init__(
        self, stack: Mapping[str, str], session: Session, providers: Sequence[str], say: Callable[[str], None]
    ) -> None:
        self._stack = stack
        self._session = session
        self._victims = Victims(session)
        self._normalizers = [each.normalizer for each in gateways(session.places) if each.provider in providers]
        self._providers = providers
        self._say = say
        self._recoveries: dict[str, list[float]] = defaultdict(list)
        self._lost: dict[str, float] = dict.fromkeys(providers, 0.0)

    def endure(self, plan: Plan) -> list[str]:
        """Kill, and return a sentence for each thing that is wrong in the end."""
        with RegistryClient(self._stack["SCHEMA_REGISTRY_URL"]) as registry:
            servers = self._stack["KAFKA_BOOTSTRAP_SERVERS"]
            reader, load = Reader(servers, registry), Load(servers, registry, self._providers, plan.rate)
            load.start()
            try:
                self._await_event_after(time.time(), load, reader)
                for number, victim in enumerate(order(plan), 1):
                    self._kill(victim, load, reader)
                    self._note_lost()
                    self._say(f"{number}: {victim}, {self._recoveries[victim][-1]:.1f} s")
                held = go_away(lambda: self._go_away(plan.downtime, load, reader), plan.windows)
                load.stop()
                self._await(lambda: load.sent.copy().keys() <= reader.seen.counts.copy().keys(), "every event")
            finally:
                reader.close()
        self._note_lost()
        self._report(plan, held, load)
        lost = (f"{provider}: {count:g} transactions are lost" for provider, count in self._lost.items() if count)
        return [*faults(load.sent, reader.seen), *lost, *misses(held)]

    def lateness(self) -> list[str]:
        """Return a sentence for each victim after whose end events did not flow again in time: it is the machine's."""
        return list(lateness(self._recoveries))

    def _kill(self, victim: str, load: Load, reader: Reader) -> None:
        time.sleep(random.uniform(0.5, _CALM_SECONDS))  # noqa: S311 - not for secrets
        killed, since = self._victims.kill(victim), time.time()
        self._await_event_after(since, load, reader)
        self._recoveries[victim].append(time.time() - since)
        self._victims.wait_until_back(victim, killed)

    def _await_event_after(self, since: float, load: Load, reader: Reader) -> None:
        """Wait until of each provider an event has arrived that was written after an instant."""

        def arrived() -> bool:
            seen = {
                load.sent[event].merchant.split("_")[1]
                for event in _after(since, load) & reader.seen.counts.copy().keys()
            }
            return seen >= set(self._providers)

        self._await(arrived, "events that were written after the kill")

    def _go_away(self, downtime: float, load: Load, reader: Reader) -> int:
        """Kill all of Flink as a checkpoint is complete, before its commit; return how many records the broker held.

        These were written before the kill, and no reader saw them until the job was back and committed them.
        """
        time.sleep(_CALM_SECONDS)
        # The programs that start later know nothing of what these have counted.
        self._note_lost()
        supervisor = self._session.supervisor
        pids = [supervisor.processes()[name].pid for name in _FLINK]
        programs = [supervisor.processes()[name].pid for name in self._normalizers]
        self._await_checkpoint()
        for pid in (*pids, *programs):
            os.kill(pid, signal.SIGKILL)
        killed = time.time()
        # What the supervisor has started again meanwhile has not come to anything yet.
        stop_services(supervisor, [*self._normalizers, *_FLINK])
        time.sleep(downtime)
        for name in (*_FLINK, *self._normalizers):
            supervisor.launch(name)
        back = time.time()
        self._await_event_after(back, load, reader)
        first = dict(reader.seen.first)
        held = sum(each.written_at < killed and each.seen_at > killed + 1 for each in first.values())
        self._say(
            f"all of Flink killed after a checkpoint and away for {back - killed:.0f} s: {held} records that "
            f"the broker had held were committed; events flowed {time.time() - back:.1f} s after the start"
        )
        return held

    def _await_checkpoint(self) -> None:
        """Return as soon as a checkpoint is written, which is before the tasks hear of it and commit."""
        folder = Path(self._stack["NORMALIZER_STATE_DIR"].removeprefix("file://")) / "checkpoints"
        known = set(_checkpoints(folder))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for path in _checkpoints(folder):
                if path not in known:
                    return
        raise TimeoutError("no checkpoint came")

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {_PATIENCE_SECONDS:g} s")
            time.sleep(_STEP_SECONDS)

    def _note_lost(self) -> None:
        """Keep the most that each program has ever told: what it counts begins anew with its job's tasks."""
        for normalizer in self._normalizers:
            self._victims.wait_until_back(normalizer, -1)
        for provider, most in self._lost.items():
            url = self._stack[f"NORMALIZER_{provider.upper()}_URL"]
            self._lost[provider] = max(most, lost_transactions(httpx.get(f"{url}/metrics").text))

    def _report(self, plan: Plan, held: Sequence[int], load: Load) -> None:
        for victim, seconds in sorted(self._recoveries.items()):
            self._say(
                f"{victim}: {len(seconds)} kills, events flowed again after {statistics.median(seconds):.1f} s "
                f"(median), {max(seconds):.1f} s at most"
            )
        hit = sum(count > 0 for count in held)
        self._say(f"{len(held)} downtimes of {plan.downtime:g} s, {hit} of them between a checkpoint and its commit")
        self._say(f"{len(load.sent)} events at {plan.rate:g} a second")


def _after(since: float, load: Load) -> set[str]:
    # A copy: other threads add to it meanwhile.
    return {event for event, sent in load.sent.copy().items() if sent.at > since}


def _checkpoints(folder: Path) -> Iterator[str]:
    """Yield the completed checkpoints below a folder: JOB/ID/chk-N/_metadata."""
    for path in folder.glob("*/*/chk-*/_metadata"):
        yield str(path)
