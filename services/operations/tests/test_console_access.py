"""Who may try and redrive, and what a form has to prove."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from operations.console.access import COOKIE, LASTS, Sessions
from operations.console.command import app as command
from operations.console.quarantine import Choice
from operations.console.runs import BusyError, Runs, Tried, Work
from operations.recovery.trial import PASSES, Trial
from pydantic import SecretStr
from typer.testing import CliRunner

from .consoles import TOKEN, MemoryBoard, client
from .tracing import EVENT, NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.testclient import TestClient


@dataclass
class MemoryRuns(Runs):
    """Runs that are only noted."""

    works: dict[str, Work] = field(default_factory=dict)
    redriven: list[tuple[frozenset[str], str, str]] = field(default_factory=list)
    is_busy: bool = False

    def get(self, run_id: str) -> Work | None:
        return self.works.get(run_id)

    def newest(self) -> list[Work]:
        return list(self.works.values())

    def attempt(self, choice: Choice) -> Work:
        if self.is_busy:
            raise BusyError
        tried = [Tried(EVENT, "stripe", ("amount_missing",), "open", PASSES, passes=True)]
        tried.append(
            Tried("other", "stripe", ("amount_missing",), "open", Trial("fails", ("x",), ("y",)), passes=False)
        )
        work = Work("try", choice, NOW, ended_at=NOW, tried=tried, matched=2)
        self.works[work.id] = work
        return work

    def redrive(self, trial: Work, actor: str, note: str) -> Work:
        self.redriven.append((trial.passing, actor, note))
        work = Work("redrive", trial.choice, NOW, actor=actor, note=note, ended_at=NOW)
        self.works[work.id] = work
        return work

    def close(self) -> None:
        return


def proof_of(browser: TestClient) -> str:
    found = re.search(r'name="proof" value="([^"]+)"', browser.get("/").text)
    assert found is not None
    return found[1]


def signed_in(runs: Runs) -> tuple[TestClient, str]:
    browser = client(runs=runs)
    assert browser.post("/sign-in", data={"token": TOKEN}).status_code == 303
    return browser, proof_of(browser)


def test_the_cookie_is_kept_from_scripts_and_other_sites_and_is_not_the_token() -> None:
    answer = client().post("/sign-in", data={"token": TOKEN})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie


@pytest.mark.parametrize("shown", ["", "a token of the test", f"{TOKEN} ", TOKEN.upper(), "ä" * 40])
def test_another_token_is_refused_and_not_repeated(shown: str) -> None:
    answer = client().post("/sign-in", data={"token": shown})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "That is not the token." in answer.text
    assert not shown or shown not in answer.text


def test_without_a_token_nobody_signs_in_and_pages_say_that_they_only_read() -> None:
    browser = client(token=None)
    assert browser.post("/sign-in", data={"token": ""}).status_code == 403
    assert "read-only" in browser.get("/").text
    assert "payments quarantine redrive" in browser.get("/quarantine").text


@pytest.mark.parametrize("path", ["/quarantine/try", "/runs/x/redrive", "/sign-out"])
def test_nobody_does_anything_without_having_signed_in(path: str) -> None:
    runs = MemoryRuns()
    assert client(runs=runs).post(path, data={"proof": "x", "event": EVENT}).status_code == 403
    assert (runs.works, runs.redriven) == ({}, [])


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ({}, {"proof": ""}, 403),
        ({}, {"proof": "x" * 43}, 403),
        ({"Origin": "http://evil.example"}, {}, 403),
        ({"Origin": "null"}, {}, 403),
        ({"Origin": "http://127.0.0.1:13000"}, {}, 403),
        ({"Content-Type": "text/plain"}, {}, 415),
        ({}, {"reason": "x" * 20_000}, 413),
        ({}, {"reason": "x\0"}, 400),
    ],
    ids=["no proof", "another proof", "another site", "no site", "another port", "no form", "too long", "U+0000"],
)
def test_a_form_that_is_not_ours_does_nothing(
    headers: Mapping[str, str], changes: Mapping[str, str], status: int
) -> None:
    runs = MemoryRuns()
    browser, proof = signed_in(runs)
    answer = browser.post("/quarantine/try", data={"proof": proof, **changes}, headers=headers)
    assert answer.status_code == status
    assert runs.works == {}


def test_a_form_of_ours_starts_a_trial_that_offers_a_redrive_of_what_passes() -> None:
    runs = MemoryRuns()
    browser, proof = signed_in(runs)
    origin = {"Origin": "http://127.0.0.1:13002"}
    started = browser.post("/quarantine/try", data={"proof": proof, "reason": "amount_missing"}, headers=origin)
    assert started.status_code == 303
    (work,) = runs.works.values()
    assert started.headers["location"] == f"/runs/{work.id}"
    assert work.choice == Choice(reason="amount_missing")
    page = browser.get(f"/runs/{work.id}").text
    assert "Of 2 quarantined 1 would pass now." in page
    assert "Redrive 1 event</h2>" in page
    assert 'name="who" required' in page


def test_a_redrive_is_of_what_passed_and_keeps_who_and_why() -> None:
    runs = MemoryRuns()
    browser, proof = signed_in(runs)
    browser.post("/quarantine/try", data={"proof": proof})
    (trial,) = runs.works.values()
    form = {"proof": proof, "who": "ann", "why": "the mapping is mended"}
    done = browser.post(f"/runs/{trial.id}/redrive", data=form)
    assert done.status_code == 303
    assert runs.redriven == [(frozenset({EVENT}), "ann", "the mapping is mended")]


@pytest.mark.parametrize(
    "form", [{"who": "ann"}, {"why": "so"}, {"who": " ", "why": "so"}, {"who": "a", "why": "x" * 501}]
)
def test_a_redrive_without_who_or_why_sends_nothing(form: Mapping[str, str]) -> None:
    runs = MemoryRuns()
    browser, proof = signed_in(runs)
    browser.post("/quarantine/try", data={"proof": proof})
    (trial,) = runs.works.values()
    assert browser.post(f"/runs/{trial.id}/redrive", data={"proof": proof, **form}).status_code == 422
    assert runs.redriven == []


def test_a_second_run_beside_one_is_refused() -> None:
    browser, proof = signed_in(MemoryRuns(is_busy=True))
    answer = browser.post("/quarantine/try", data={"proof": proof})
    assert answer.status_code == 409
    assert "another run is under way" in answer.text


def test_a_run_that_nobody_remembers_is_not_found() -> None:
    assert client().get("/runs/none").status_code == 404


def test_after_signing_out_the_cookie_is_worth_nothing() -> None:
    runs = MemoryRuns()
    browser, proof = signed_in(runs)
    cookie = browser.cookies[COOKIE]
    assert browser.post("/sign-out", data={"proof": proof}).status_code == 303
    browser.cookies.set(COOKIE, cookie)
    assert browser.post("/quarantine/try", data={"proof": proof}).status_code == 403


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_signing_in_never_leads_to_another_site(back: str) -> None:
    answer = client().post("/sign-in", data={"token": TOKEN, "back": back})
    assert answer.headers["location"] == "/"


def test_a_session_ends_by_itself() -> None:
    now = [NOW]
    sessions = Sessions(SecretStr(TOKEN), lambda: now[0])
    session = sessions.begin(TOKEN)
    assert session is not None
    assert sessions.find(session.id) == session
    now[0] += LASTS + timedelta(seconds=1)
    assert sessions.find(session.id) is None


def test_the_session_does_not_show_when_printed() -> None:
    session = Sessions(SecretStr(TOKEN), lambda: NOW).begin(TOKEN)
    assert session is not None
    assert session.id not in repr(session)
    assert session.proof not in repr(session)


def test_a_read_only_page_has_no_form_that_acts() -> None:
    page = client(MemoryBoard(), token=None).get("/quarantine").text
    assert 'method="post"' not in page


SETTINGS = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
    "CATALOG_URI": "http://127.0.0.1:1",
    "CATALOG_WAREHOUSE": "s3://b/w",
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "S3_ACCESS_KEY_ID": "a",
    "S3_SECRET_ACCESS_KEY": "b",
    "S3_REGION": "us-east-1",
    "TRINO_HOST": "127.0.0.1",
    "TRINO_PORT": "1",
    "TRINO_USER": "payments",
    "DAGSTER_URL": "http://127.0.0.1:1",
    "TEMPORAL_HTTP_URL": "http://127.0.0.1:1",
    "POSTGRES_DSN": "postgresql://127.0.0.1:1/payments",
    "HTTP_PORT": "1",
}


@pytest.mark.parametrize(
    ("variables", "arguments", "said"),
    [
        ({"CONSOLE_TOKEN": "short"}, [], "CONSOLE_TOKEN is wrong"),
        ({"CONSOLE_PROGRAMS": "archiver"}, [], "CONSOLE_PROGRAMS is wrong"),
        ({"MINE": "short"}, ["--token-env", "MINE"], "MINE has to hold a token of at least 16 characters"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_its_value_is_not_shown(
    variables: Mapping[str, str], arguments: list[str], said: str
) -> None:
    result = CliRunner().invoke(command, ["console", *arguments], env={**SETTINGS, **variables})
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())
    assert "short" not in result.output
