"""No job is submitted whose sinks would register a schema themselves."""

import json
from collections.abc import Callable, Mapping

import httpx
import pytest
from kit.errors import Fault, Transient
from kit.registry import RegistryClient
from normalizer.registration import require_registered
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, TOPICS, VALIDATION_DLQ


def registry(answer: Callable[[httpx.Request], httpx.Response]) -> RegistryClient:
    return RegistryClient("http://registry", patience_seconds=0.1, transport=httpx.MockTransport(answer))


def holding(versions: Mapping[str, int], asked: list[str]) -> RegistryClient:
    """Return a registry that knows each subject's schema under a version, and keeps the requests that it gets."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        subject = request.url.path.removeprefix("/subjects/")
        if subject not in versions:
            return httpx.Response(404, json={"error_code": 40401, "message": "unknown"})
        topic = next(topic for topic in TOPICS if topic.subject == subject)
        assert json.loads(request.content)["schema"] == schema(topic.record, topic.version)
        return httpx.Response(200, json={"subject": subject, "version": versions[subject], "id": 1})

    return registry(answer)


def test_asks_for_every_schema_that_the_job_writes_and_for_no_other() -> None:
    asked: list[str] = []
    versions = {topic.subject: topic.version for topic in TOPICS}
    require_registered(holding(versions, asked), TOPICS)
    assert asked == [f"POST /subjects/{topic.subject}" for topic in (NORMALIZED, VALIDATION_DLQ)]
    assert INGESTION_DLQ in TOPICS


def test_refuses_to_go_on_where_a_schema_is_not_registered() -> None:
    with pytest.raises(Fault, match=rf"{VALIDATION_DLQ.subject}, version 1, is not registered .*`make register`"):
        require_registered(holding({NORMALIZED.subject: NORMALIZED.version}, []), TOPICS)


def test_refuses_to_go_on_where_a_schema_has_another_version() -> None:
    with pytest.raises(Fault, match="is registered as version 7"):
        require_registered(holding({NORMALIZED.subject: 7}, []), TOPICS)


def test_is_transient_while_the_registry_is_away() -> None:
    with pytest.raises(Transient, match="503"):
        require_registered(registry(lambda _request: httpx.Response(503)), TOPICS)
