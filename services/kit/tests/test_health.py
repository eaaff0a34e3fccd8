"""Health and metrics, over real HTTP for a worker and in process for a server."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from kit.health import examine
from kit.http import operational_routes
from kit.metrics import MetricsServer, start_metrics_server
from prometheus_client import CollectorRegistry, Counter


def broken() -> str | None:
    raise OSError("gone")


def test_is_ready_when_every_check_is_in_order() -> None:
    verdict = examine({"kafka": lambda: None})
    assert verdict.as_json() == {"status": "ready", "checks": {"kafka": "ok"}}


def test_is_not_ready_when_a_check_says_or_raises_something() -> None:
    verdict = examine({"kafka": lambda: "away", "registry": broken, "clock": lambda: None})
    assert verdict.as_json() == {
        "status": "not_ready",
        "checks": {"kafka": "away", "registry": "OSError: gone", "clock": "ok"},
    }


@pytest.fixture
def trouble() -> dict[str, str | None]:
    return {"kafka": None}


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc(3)
    return registry


@pytest.fixture
def worker(trouble: dict[str, str | None], registry: CollectorRegistry) -> Iterator[MetricsServer]:
    with start_metrics_server("127.0.0.1", 0, {"kafka": lambda: trouble["kafka"]}, registry) as server:
        yield server


@pytest.fixture
def client(worker: MetricsServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{worker.port}") as client:
        yield client


def test_a_worker_is_alive_whatever_its_checks_say(client: httpx.Client, trouble: dict[str, str | None]) -> None:
    trouble["kafka"] = "away"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_a_worker_is_not_ready_while_something_is_wrong(client: httpx.Client, trouble: dict[str, str | None]) -> None:
    assert client.get("/readyz").status_code == 200
    trouble["kafka"] = "away"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not_ready", "checks": {"kafka": "away"}})


def test_a_worker_shows_its_metrics(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert "things_total 3.0" in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_worker_has_nothing_else(client: httpx.Client) -> None:
    assert client.get("/admin").status_code == 404


def test_a_workers_port_is_free_once_it_is_closed(worker: MetricsServer) -> None:
    worker.close()
    again = start_metrics_server("127.0.0.1", worker.port, {})
    again.close()


async def test_a_server_answers_as_a_worker_does(client: httpx.Client, registry: CollectorRegistry) -> None:
    app = FastAPI()
    app.include_router(operational_routes({"kafka": lambda: None}, registry))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as server:
        for path in ("/healthz", "/readyz", "/metrics"):
            ours, theirs = await server.get(path), await asyncio.to_thread(client.get, path)
            assert (ours.status_code, ours.text) == (theirs.status_code, theirs.text)
            assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]
