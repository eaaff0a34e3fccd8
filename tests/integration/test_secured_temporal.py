"""Clients of Temporal come in by TLS and a key, and say which setting is wrong where they do not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from kit.errors import Fault, PipelineError
from kit.settings import TemporalSecuritySettings
from operations.trace.workflows import EventWorkflows
from orchestrator.settings import TemporalSettings
from orchestrator.temporal import connected_client
from temporalio.service import RPCError

from tests.integration.secured.temporal import Frontend, frontend

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]
NAMESPACE = "payments"
_PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    with frontend(tmp_path_factory.mktemp("temporal")) as running:
        _create_namespace(running)
        yield running


def _create_namespace(running: Frontend) -> None:
    key = running.keys.sign("temporal-system:admin")
    where = settings(running, key).temporal_http(running.url)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    body = {"namespace": NAMESPACE, "workflowExecutionRetentionPeriod": "86400s"}
    with httpx.Client(base_url=f"{where.url}/api/v1", timeout=10, **where.options()) as client:
        while True:
            answer = client.post("/namespaces", json=body)
            listed = client.get(f"/namespaces/{NAMESPACE}/workflows")
            if listed.is_success:
                return
            assert time.monotonic() < deadline, (answer.text, listed.text)
            time.sleep(1)


def settings(running: Frontend, key: str | None, **changes: Any) -> TemporalSettings:
    given = {
        "temporal_address": running.address,
        "temporal_namespace": NAMESPACE,
        "temporal_tls": True,
        "temporal_tls_ca_file": running.authority.file,
        "temporal_api_key": key,
    }
    return TemporalSettings.model_validate(given | changes)


async def test_a_key_may_do_what_it_says_and_no_more(server: Frontend) -> None:
    writer = await connected_client(settings(server, server.keys.sign("payments:write")))
    await writer.start_workflow("Any", id="one", task_queue="nobody")
    reader = await connected_client(settings(server, server.keys.sign("payments:read")))
    assert (await reader.get_workflow_handle("one").describe()).id == "one"
    with pytest.raises(RPCError, match="unauthorized"):
        await reader.start_workflow("Any", id="two", task_queue="nobody")


@pytest.mark.parametrize("permission", [None, "others:write"])
async def test_a_key_that_is_absent_or_for_others_names_its_setting(server: Frontend, permission: str | None) -> None:
    key = None if permission is None else server.keys.sign(permission)
    with pytest.raises(Fault, match="look at TEMPORAL_API_KEY"):
        await connected_client(settings(server, key))


async def test_an_unknown_authority_names_its_setting(server: Frontend) -> None:
    key = server.keys.sign("payments:write")
    with pytest.raises(Fault, match="TEMPORAL_TLS_CA_FILE"):
        await connected_client(settings(server, key, temporal_tls_ca_file=server.stranger.file))


async def test_another_name_than_the_certificates_names_its_setting(server: Frontend) -> None:
    key = server.keys.sign("payments:write")
    with pytest.raises(Fault, match="TEMPORAL_TLS_SERVER_NAME"):
        await connected_client(settings(server, key, temporal_tls_server_name="other.invalid"))


def test_the_http_api_is_asked_with_the_same_settings(server: Frontend) -> None:
    def ask(key: str | None, **changes: Any) -> object:
        where = TemporalSecuritySettings(**settings(server, key, **changes).model_dump()).temporal_http(server.url)
        with EventWorkflows(where, NAMESPACE) as workflows:
            return workflows.find("absent", with_event=False)

    assert ask(server.keys.sign("payments:read")) is None
    with pytest.raises(PipelineError, match="TEMPORAL_API_KEY"):
        ask(None)
    with pytest.raises(PipelineError, match="TEMPORAL_TLS_CA_FILE"):
        ask(server.keys.sign("payments:read"), temporal_tls_ca_file=server.stranger.file)
