"""What the gateway reads from the environment, and what it says when that is wrong."""

import json
from dataclasses import replace
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
    assert settings.webhook_secrets[0].secret.get_secret_value() == "whsec_hidden"
    assert "whsec_hidden" not in repr(settings)


def test_refuses_a_provider_that_the_contracts_do_not_know(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_PROVIDER", "paypal")
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
def test_refuses_what_is_no_url(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NOTIFICATION_URL", url)
    assert complaint(capsys).startswith("NOTIFICATION_URL is wrong")
