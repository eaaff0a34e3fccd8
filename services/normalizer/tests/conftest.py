from collections.abc import Iterator

import httpx
import pytest
from normalizer.cluster import Cluster

from services.normalizer.tests.flink import FakeFlink


@pytest.fixture
def flink() -> FakeFlink:
    return FakeFlink()


@pytest.fixture
def cluster(flink: FakeFlink) -> Iterator[Cluster]:
    with httpx.Client(base_url="http://flink.test", transport=httpx.MockTransport(flink)) as client:
        yield Cluster(client)
