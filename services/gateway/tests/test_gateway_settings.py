"""What the gateway reads from the environment, and what it says when that is wrong."""

import json

import pytest
from gateway.settings import GatewaySettings
from kit.settings import load

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
    assert complaint(capsys) == "GATEWAY_PROVIDER is wrong: the contracts know no such provider; they know stripe.\n"


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
