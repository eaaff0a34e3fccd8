from collections.abc import Iterator
from datetime import datetime
from threading import Event

import httpx
import pytest
from normalizer.cluster import Cluster
from normalizer.job import Restoration
from normalizer.metrics import NormalizerMetrics
from normalizer.watcher import Started, Watcher
from prometheus_client import CollectorRegistry

from services.normalizer.tests.flink import NOW, FakeFlink, FakeJob
from services.normalizer.tests.watching import PLAN, SAME, FakePacer, Impatient, TickingClock


@pytest.fixture
def flink() -> FakeFlink:
    return FakeFlink()


@pytest.fixture
def cluster(flink: FakeFlink) -> Iterator[Cluster]:
    with httpx.Client(base_url="http://flink.test", transport=httpx.MockTransport(flink)) as client:
        yield Cluster(client)


@pytest.fixture
def stop() -> Event:
    return Impatient()


@pytest.fixture
def pacer() -> FakePacer:
    return FakePacer()


@pytest.fixture
def metrics() -> NormalizerMetrics:
    return NormalizerMetrics(CollectorRegistry())


@pytest.fixture
def recovers_from() -> list[datetime]:
    """When the state was written that a new job goes on from; a test may change it."""
    return [NOW]


@pytest.fixture
def states() -> dict[int, datetime]:
    """When the snapshots were written that jobs have gone back to, by their numbers; a test may add some."""
    return {}


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def refusal() -> list[Exception]:
    """Why no job may be submitted; a test may say so."""
    return []


@pytest.fixture
def watcher(  # noqa: PLR0917  # fixtures
    flink: FakeFlink,
    cluster: Cluster,
    pacer: FakePacer,
    metrics: NormalizerMetrics,
    stop: Event,
    recovers_from: list[datetime],
    clock: TickingClock,
    refusal: list[Exception],
    states: dict[int, datetime],
) -> Watcher:
    def permit() -> None:
        for error in refusal:
            raise error

    def submit() -> Started:
        flink.requests.append("SUBMIT")
        return Started(flink.add(FakeJob("new", parameters=dict(SAME), restored=1)).id, recovers_from[0])

    def written_at(restoration: Restoration) -> datetime | None:
        return states.get(restoration.number)

    return Watcher(
        PLAN,
        cluster=cluster,
        permit=permit,
        submit=submit,
        written_at=written_at,
        pacer=pacer,
        metrics=metrics,
        stop=stop,
        clock=clock,
    )
