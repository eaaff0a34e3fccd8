"""A version of the unified event is rolled out under traffic, step by step as docs/rollout.md says."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROGRAM
from tests.extensibility.added_field import FIELD, FORMER, LATTER, ROOT
from tests.rollout.agreement import agrees
from tests.rollout.change import PROVIDERS, bring, gaining
from tests.rollout.pipeline import Pipeline, bronze, database, dead_letters, derived, written
from tests.rollout.release import Release, until
from tests.rollout.steps import roll_out
from tests.rollout.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.rollout.steps import Step

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(2400)]
# Beside the stack of the other tests: here topics, tables and schemas go on to a version that the others do not know.
APART = 300
ENOUGH = 20


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Start the servers with a state and ports of their own, and give every setting of them."""
    offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + APART
    environment = os.environ | {
        "PAYMENTS_STATE_DIR": str(tmp_path_factory.mktemp("s")),
        "PAYMENTS_PORT_OFFSET": str(offset),
        "GATEWAY_PROVIDERS": ",".join(PROVIDERS),
    }

    def stack(*arguments: str) -> str:
        command = [str(PROGRAM), *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    try:
        stack("up", "--only", "infrastructure")
        yield json.loads(stack("env", "--format", "json"))
    finally:
        stack("down")


@pytest.fixture
def releases(settings: Mapping[str, str], tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    """The release that runs, and the one with fields more in the unified event."""
    former = Release.of(tmp_path / "former", lambda _: None, settings)
    latter = Release.of(tmp_path / "latter", bring, settings)
    yield former, latter
    for service in (*former.running, *latter.running):
        service.kill()


def test_a_version_is_rolled_out_under_traffic(releases: tuple[Release, Release], settings: Mapping[str, str]) -> None:
    former, latter = releases
    tables = [each for each in gaining(latter.folder / "contracts") if each.startswith("silver.")]
    models = ("stg_payments", *(each.removeprefix("silver.") for each in tables))
    pipeline = Pipeline(former, latter, settings, models)
    pipeline.start()

    def settled(step: Step) -> None:
        match step.title:
            case "1. registry" | "2. lake" | "3. database" | "4. consumers":
                more_rows(settings, FORMER, f"after {step.title}")
            case "5. producers":
                more_rows(settings, LATTER, f"after {step.title}")
                # A run of the former models in between knows nothing of the columns, and leaves them out of these rows.
                pipeline.run("payments build")

    with ExitStack() as under_way:
        traffics = [
            under_way.enter_context(Traffic(name, url, settings[f"GATEWAY_{name.upper()}_SECRETS"]))
            for name, url in pipeline.gateways.items()
        ]
        more_rows(settings, FORMER, "before the rollout")
        roll_out(pipeline, settled)

    sent = [each for traffic in traffics for each in traffic.sent]
    until("all rows", lambda: written(settings).total() >= len(sent))
    until("all rows of the database", lambda: len(database(settings)) >= len(sent))
    pipeline.run("payments build")

    assert Counter(each.status for each in sent) == {200: len(sent)}
    assert dead_letters(settings) == 0
    for rows in (bronze(settings), database(settings), *(derived(settings, table) for table in tables)):
        agrees(sent, rows)
    # Whoever looks at the topic sees the field: the former command would say that there is none.
    last = next(each for each in reversed(sent) if FIELD in each.told)
    shown = pipeline.payments("peek", "payments.normalized", "--json", "--where", f"{FIELD}={last.told[FIELD]}")
    assert last.id in shown


def more_rows(settings: Mapping[str, str], version: int, when: str) -> None:
    """Wait until Bronze has some more rows of a version, of each provider."""
    held = written(settings)

    def have_come() -> bool:
        now = written(settings)
        return all(now[name, version] >= held[name, version] + ENOUGH for name in PROVIDERS)

    until(f"rows of v{version} of each provider {when}", have_come)
