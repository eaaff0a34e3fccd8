"""What the gateway reads from the environment, and what it says when that is wrong."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from gateway.settings import GatewaySettings
from kit.settings import load
from payments_contracts.providers import PROVIDERS

KNOWN = ", ".join(sorted(PROVIDERS))
SECRETS = [{"id": "a", "secret": "whsec_hidden", "merchant_id": "m"}]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PORT", "18100")
    monkeypatch.setenv("GATEWAY_PROVIDER", "stripe")
    monkeypatch.setenv("WEBHOOK_SECRETS", json.dumps(SECRETS))


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        load(GatewaySettings)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_reads_secrets_and_hides_them() -> None:
    settings = load(GatewaySettings)
    assert settings.webhook_secrets is not None
    assert settings.webhook_secrets[0].secret.get_secret_value() == "whsec_hidden"
    assert "whsec_hidden" not in repr(settings)


def test_refuses_a_provider_that_the_contracts_do_not_know(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_PROVIDER", "paypol")
    assert complaint(capsys) == f"GATEWAY_PROVIDER is wrong: the contracts know no such provider; they know {KNOWN}.\n"


@pytest.mark.parametrize(
    "secrets",
    [
        [],
        [{"id": "a", "secret": "whsec_hidden"}],
        [*SECRETS, *SECRETS],
        [{**SECRETS[0], "secret": ""}],
        [{**SECRETS[0], "x": 1}],
    ],
)
def test_refuses_secrets_that_are_incomplete_without_showing_them(
    secrets: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS", json.dumps(secrets))
    said = complaint(capsys)
    assert said.startswith("WEBHOOK_SECRETS is wrong")
    assert "whsec_hidden" not in said


def test_takes_secrets_from_a_file_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_SECRETS")
    monkeypatch.setenv("WEBHOOK_SECRETS_FILE", "/run/secrets/stripe.json")
    settings = load(GatewaySettings)
    assert (settings.webhook_secrets_file, settings.webhook_secrets) == (Path("/run/secrets/stripe.json"), None)


def test_refuses_to_go_without_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("WEBHOOK_SECRETS")
    assert complaint(capsys) == "WEBHOOK_SECRETS is wrong: set it, or WEBHOOK_SECRETS_FILE.\n"


def test_refuses_secrets_from_two_places(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS_FILE", "/run/secrets/stripe.json")
    assert complaint(capsys) == "WEBHOOK_SECRETS is wrong: WEBHOOK_SECRETS_FILE is set, too; set one of them.\n"


def test_a_secret_may_have_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"not_before": "2026-05-01T11:00:00+02:00", "not_after": "2026-05-01T13:00:00Z"}
    monkeypatch.setenv("WEBHOOK_SECRETS", json.dumps([SECRETS[0] | times]))
    secrets = load(GatewaySettings).webhook_secrets
    assert secrets is not None
    assert (secrets[0].not_before, secrets[0].not_after) == (
        datetime(2026, 5, 1, 9, tzinfo=UTC),
        datetime(2026, 5, 1, 13, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "times",
    [
        {"not_before": "2026-05-01T11:00:00"},
        {"not_after": "tomorrow"},
        {"not_before": "2026-05-01T11:00:00Z", "not_after": "2026-05-01T13:00:00+02:00"},
    ],
    ids=["no zone", "no time", "never"],
)
def test_refuses_a_time_that_is_none(
    times: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRETS", json.dumps([SECRETS[0] | times]))
    said = complaint(capsys)
    assert said.startswith("WEBHOOK_SECRETS is wrong")
    assert "whsec_hidden" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACKNOWLEDGEMENT_DEADLINE_SECONDS", "0"),
        ("ACKNOWLEDGEMENT_DEADLINE_SECONDS", "31"),
        ("REQUEST_TIMEOUT_SECONDS", "0"),
        ("MAX_HEADER_BYTES", "100"),
        ("MAX_CONCURRENT_REQUESTS", "0"),
    ],
)
def test_refuses_limits_that_make_no_sense(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert complaint(capsys).startswith(f"{name} is wrong")


@pytest.fixture
def stripe_signs_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    stripe = PROVIDERS["stripe"]
    other = replace(stripe, signature=replace(stripe.signature, signed_content="{timestamp}{url}{body}"))
    monkeypatch.setattr("gateway.settings.PROVIDERS", MappingProxyType({"stripe": other}))


def test_needs_no_notification_url_where_none_is_signed() -> None:
    assert load(GatewaySettings).notification_url is None


@pytest.mark.usefixtures("stripe_signs_the_url")
def test_refuses_to_go_without_the_notification_url_that_is_signed(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys) == (
        "NOTIFICATION_URL is wrong: Stripe signs it; set the endpoint's address as it is set at Stripe.\n"
    )


@pytest.mark.usefixtures("stripe_signs_the_url")
def test_keeps_the_notification_url_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFICATION_URL", "https://Example.com:443/Webhooks/stripe?a=1&b=%20")
    assert load(GatewaySettings).notification_url == "https://Example.com:443/Webhooks/stripe?a=1&b=%20"


@pytest.mark.parametrize("url", ["", "example.com/webhooks", "ftp://example.com", "https://a b", "https://x/{body}"])
def test_refuses_what_is_not_a_url(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTIFICATION_URL", url)
    assert complaint(capsys).startswith("NOTIFICATION_URL is wrong")
