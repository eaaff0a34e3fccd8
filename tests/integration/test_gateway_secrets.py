"""Secrets are rolled while webhooks come in, and none is turned away."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gateways import event, loaded, measured, post, running, sign
from tests.processes import Process
from tests.tail import Tail

pytestmark = [pytest.mark.integration]

CONNECTIONS = 20
OLD = {"id": "old", "secret": "whsec_old", "merchant_id": "merch_endpoint"}
NEW = {"id": "new", "secret": "whsec_new", "merchant_id": "merch_endpoint"}


class File:
    """The file of secrets, exchanged in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def hold(self, *secrets: Mapping[str, str]) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(secrets), encoding="utf-8")
        fresh.replace(self.path)


@pytest.fixture
def file(tmp_path: Path) -> File:
    made = File(tmp_path / "secrets.json")
    made.hold(OLD)
    return made


@pytest.fixture
def reloads() -> Callable[[Process, str, int], Awaitable[None]]:
    """Wait until a gateway has taken or refused so many changes."""

    async def wait(process: Process, outcome: str, count: int) -> None:
        async with asyncio.timeout(60):
            while (await asyncio.to_thread(_reloads, process)).get(outcome, 0) < count:  # noqa: ASYNC110  # it is another process
                await asyncio.sleep(0.1)

    return wait


def _reloads(process: Process) -> dict[str, float]:
    return measured(process, "gateway_secret_reloads_total", "outcome")


async def test_secrets_are_rolled_through_the_file_without_a_refusal(
    stack: Mapping[str, str], raw: Tail, file: File, reloads: Any
) -> None:
    signing = OLD
    with running(stack, WEBHOOK_SECRETS_FILE=str(file.path)) as process:
        await asyncio.to_thread(process.wait_until, 200)
        async with loaded(process, CONNECTIONS, lambda body: sign(body, signing["secret"])) as load:
            await load.more(200)
            file.hold(OLD, NEW)
            await reloads(process, "taken", 1)
            await load.more(200)
            signing = NEW
            # What was signed with the old one before is answered by then.
            await load.more(200 + CONNECTIONS)
            file.hold(NEW)
            await reloads(process, "taken", 2)
            await load.more(200)
        assert load.statuses == {200}
        uses = await asyncio.to_thread(measured, process, "gateway_secret_uses_total", "secret_id")
        assert set(uses) == {"old", "new"}
        assert min(uses.values()) >= 200
        _, body = event()
        refused = await asyncio.to_thread(post, process, body, sign(body, OLD["secret"]))
        assert (refused.status_code, refused.json()["reason_code"]) == (401, "signature_mismatch")
    assert load.accepted <= {record["payload"] for _, record in raw.records()}


async def test_secrets_are_rolled_by_the_time_without_a_refusal(
    stack: Mapping[str, str], raw: Tail, file: File, reloads: Any
) -> None:
    with running(stack, WEBHOOK_SECRETS_FILE=str(file.path)) as process:
        await asyncio.to_thread(process.wait_until, 200)
        start = time.time()
        begins, changes, ends = start + 5, start + 8, start + 11
        file.hold(
            OLD | {"not_after": datetime.fromtimestamp(ends, UTC).isoformat()},
            NEW | {"not_before": datetime.fromtimestamp(begins, UTC).isoformat()},
        )
        await reloads(process, "taken", 1)
        _, body = event()
        early = await asyncio.to_thread(post, process, body, sign(body, NEW["secret"]))
        assert (early.status_code, early.json()["reason_code"]) == (401, "signature_mismatch")

        def signed(body: bytes) -> Mapping[str, str]:
            return sign(body, OLD["secret"] if time.time() < changes else NEW["secret"])

        async with loaded(process, CONNECTIONS, signed) as load:
            while time.time() < ends:
                await load.more(1)
            await load.more(CONNECTIONS + 1)
        assert load.statuses == {200}
        uses = await asyncio.to_thread(measured, process, "gateway_secret_uses_total", "secret_id")
        assert set(uses) == {"old", "new"}
        late = await asyncio.to_thread(post, process, body, sign(body, OLD["secret"]))
        assert (late.status_code, late.json()["reason_code"]) == (401, "signature_mismatch")
        assert (await asyncio.to_thread(_reloads, process)) == {"taken": 1, "refused": 0}
    assert load.accepted <= {record["payload"] for _, record in raw.records()}


async def test_a_slip_of_the_pen_turns_nothing_away(stack: Mapping[str, str], file: File, reloads: Any) -> None:
    with running(stack, WEBHOOK_SECRETS_FILE=str(file.path)) as process:
        await asyncio.to_thread(process.wait_until, 200)
        async with loaded(process, CONNECTIONS, lambda body: sign(body, OLD["secret"])) as load:
            file.hold(NEW | {"secret": ""})
            await reloads(process, "refused", 1)
            await load.more(200)
        assert load.statuses == {200}
        assert process.readiness() == 200
        log = process.log
    assert "secrets_refused" in log
    assert "whsec_" not in log


def test_does_not_start_without_its_file(stack: Mapping[str, str], tmp_path: Path) -> None:
    with running(stack, WEBHOOK_SECRETS_FILE=str(tmp_path / "none.json")) as process:
        code, log = process.end()
    assert code == 1
    assert "none.json cannot be read" in log
