"""The command line, where it is used wrongly."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from payments_contracts.providers import PROVIDERS
from simulator.__main__ import app
from typer.testing import CliRunner

SECRETS = json.dumps([{"id": "a", "secret": "whsec_a", "merchant_id": "m"}])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    monkeypatch.setenv("GATEWAY_STRIPE_SECRETS", SECRETS)
    monkeypatch.setenv("GATEWAY_STRIPE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LOG_LEVEL", "CRITICAL")
    monkeypatch.setenv("COLUMNS", "300")
    yield
    # The command sends logs to a standard error that is gone after it.
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--provider", "paypol"], f"the contracts know {', '.join(sorted(PROVIDERS))}"),
        (["--run", "Has Spaces"], "lower-case letters"),
        (["--mix", "good=1"], "'good' is not a kind"),
        (["--count", "0"], "Invalid value for '--count'"),
        (["--lifecycles", "2"], "Invalid value for '--lifecycles'"),
        (["--file", "absent.json", "--file", "lost.json"], "lost.json: No such file"),
    ],
)
def test_explains_a_wrong_argument(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, ["send", *arguments])
    assert result.exit_code == 2
    assert complaint in result.output


def test_explains_that_events_would_be_older_than_the_contract_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, limit = next(
        (each.name, age) for each in PROVIDERS.values() if (age := each.envelope.max_event_age_seconds) is not None
    )
    monkeypatch.setenv(f"GATEWAY_{provider.upper()}_SECRETS", SECRETS)
    monkeypatch.setenv(f"GATEWAY_{provider.upper()}_URL", "http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["send", "--provider", provider, "--days", str(limit / 86_400 + 1)])
    assert result.exit_code == 2
    assert f"the contract of {provider} takes those of the last" in result.output


def test_explains_that_the_gateway_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_STRIPE_URL")
    result = CliRunner().invoke(app, ["send"])
    assert result.exit_code == 2
    assert "set GATEWAY_STRIPE_URL" in result.output


def test_fails_and_keeps_a_ledger_when_the_gateway_is_away(tmp_path: Path) -> None:
    ledger = tmp_path / "runs" / "ledger.jsonl"
    result = CliRunner().invoke(
        app, ["send", "--count", "3", "--patience", "0.1", "--run", "t1", "--ledger", str(ledger)]
    )
    assert result.exit_code == 1
    assert "status none instead of 200" in result.output
    assert [json.loads(line)["http_status"] for line in ledger.read_text().splitlines()] == [0, 0, 0]


def test_explains_that_the_endpoints_secrets_are_not_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GATEWAY_STRIPE_SECRETS")
    result = CliRunner().invoke(app, ["send"])
    assert result.exit_code == 2
    assert result.stderr.startswith("GATEWAY_STRIPE_SECRETS is not set")
