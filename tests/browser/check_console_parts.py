"""`payments console` on the whole stack: what is stopped is away, what is sent appears, what is broken is redriven."""

import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import psycopg
import pytest
from operations.recovery.events import Position
from payments_contracts.topics import STRIPE_RAW
from stack.secrets import load
from stack.settings import Settings
from stack.shutdown import stop_services
from stack.supervision import Supervisor

from tests.conftest import ROOT, run_stack
from tests.e2e.test_recovery import ACCEPTED, World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
PATIENCE = 180


@pytest.fixture(scope="module")
def stack_that_is_up(stack: Mapping[str, str]) -> Mapping[str, str]:
    run_stack("up")
    return stack


@pytest.fixture
def console(stack_that_is_up: Mapping[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack_that_is_up["CONSOLE_URL"], timeout=30, trust_env=False) as client:
        yield client


def text_of(answer: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def wait(console: httpx.Client, path: str, holds: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Load a page until it is as it should be."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = console.get(path)
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, text_of(answer)[:3000]
        time.sleep(1)


def is_shown(part: str, state: str) -> Callable[[httpx.Response], bool]:
    return lambda answer: f'id="part-{part}" class="{state}"' in answer.text


def supervisor(stack: Mapping[str, str]) -> Supervisor:
    return Supervisor(settings(stack).places())


def settings(stack: Mapping[str, str]) -> Settings:
    return Settings(state_dir=Path(stack["PAYMENTS_STATE_DIR"]), port_offset=int(stack["PAYMENTS_PORT_OFFSET"]))


def sign_in(console: httpx.Client, stack: Mapping[str, str]) -> str:
    """Sign in with the stack's token, and return what proves that a form is of this session."""
    places = settings(stack).places()
    token = load(places.secrets, places.providers).console_token.get_secret_value()
    assert console.post("/sign-in", data={"token": token}).status_code == 303
    found = re.search(r'name="proof" value="([^"]+)"', console.get("/").text)
    assert found is not None
    return found[1]


def test_every_part_answers_on_a_stack_that_is_up_and_the_page_comes_at_once(console: httpx.Client) -> None:
    page = wait(console, "/", lambda answer: "Every part answers." in answer.text)
    shown = set(re.findall(r'id="part-([\w-]+)" class="up"', page.text))
    servers = {"kafka", "registry", "flink", "temporal", "database", "catalog", "object-store", "trino", "dagster"}
    programs = {"gateway-stripe", "normalizer-stripe", "inference", "orchestrator", "archiver", "watch"}
    assert servers | programs | {"prometheus", "alertmanager"} <= shown


def test_a_part_that_is_stopped_is_away_the_rest_stays_and_it_comes_back(
    console: httpx.Client, stack_that_is_up: Mapping[str, str]
) -> None:
    wait(console, "/", is_shown("inference", "up"))
    stop_services(supervisor(stack_that_is_up), ["inference"])
    try:
        page = wait(console, "/", is_shown("inference", "away"))
        assert "inference is away" in text_of(page)
        assert "it does not answer (ConnectError); " in text_of(page)
        assert is_shown("kafka", "up")(page)
    finally:
        run_stack("up", "inference")
    wait(console, "/", is_shown("inference", "up"))


def test_a_webhook_that_is_sent_appears_with_its_trace(
    console: httpx.Client, stack_that_is_up: Mapping[str, str], tmp_path: Path
) -> None:
    body = tmp_path / "body.json"
    body.write_bytes(ACCEPTED.body)
    sent = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "simulator"), "send", "--provider", "stripe", "--file", str(body)],
        env=os.environ | stack_that_is_up,
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stdout + sent.stderr
    (event_id,) = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", sent.stdout)
    wait(console, "/", lambda answer: f'id="event-{event_id}"' in answer.text)
    trace = wait(console, f"/event?wanted={event_id}", lambda answer: "in Bronze and the operational" in answer.text)
    assert "payments.stripe.raw[" in trace.text
    assert "missing" not in text_of(trace)


def test_what_is_quarantined_appears_by_reason_and_a_redrive_needs_the_token_and_is_on_record(
    console: httpx.Client, stack_that_is_up: Mapping[str, str]
) -> None:
    world = World(stack_that_is_up, f"console_{uuid.uuid4().hex[:10]}")
    event = world.raw(ACCEPTED)
    gone = Position(STRIPE_RAW.name, 0, 10**12)
    world.archive(event, gone)
    world.quarantine(event, gone)
    listed = "/quarantine?state=all&reason=amount_missing"
    wait(console, listed, lambda answer: f'id="letter-{event.event_id}"' in answer.text)
    wait(console, "/", lambda answer: "reason=amount_missing" in answer.text)

    wanted = {"event": event.event_id, "state": "all"}
    assert console.post("/quarantine/try", data=wanted).status_code == 403
    proof = sign_in(console, stack_that_is_up)
    assert console.post("/quarantine/try", data={**wanted, "proof": "another"}).status_code == 403
    started = console.post("/quarantine/try", data={**wanted, "proof": proof})
    assert started.status_code == 303
    trial = started.headers["location"]
    wait(console, trial, lambda answer: "Of 1 quarantined 1 would pass now." in answer.text)
    form = {"proof": proof, "who": "ann", "why": "the mapping is mended"}
    assert console.post(f"{trial}/redrive", data={**form, "why": ""}).status_code == 422
    run = console.post(f"{trial}/redrive", data=form).headers["location"]
    page = wait(console, run, lambda answer: ", ended" in answer.text)
    assert "Have their row now 1" in text_of(page), text_of(page)
    assert f"wanted={event.event_id}" in page.text
    with psycopg.connect(stack_that_is_up["POSTGRES_DSN"]) as connection:
        question = "SELECT command, actor, outcome, detail FROM recovery_actions WHERE event_id = %s"
        rows = connection.execute(question, [event.event_id]).fetchall()
    assert rows == [("redrive", "ann", "sent", "the mapping is mended")]


def test_an_id_that_nobody_knows_says_where_it_was_looked_for(console: httpx.Client) -> None:
    answer = wait(console, "/event?wanted=evt_nobody", lambda answer: "This id was not found." in answer.text)
    assert answer.status_code == 404
    assert "the operational database: event id" in text_of(answer)
