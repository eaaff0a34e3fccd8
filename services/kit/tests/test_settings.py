"""Settings from the environment, and what is said when they are wrong."""

import pytest
from kit.poison import Tolerance
from kit.settings import HttpSettings, KafkaSettings, LakeSettings, LogSettings, PoisonSettings, load

SECRET = "do-not-show"


class Settings(KafkaSettings, HttpSettings, LogSettings):
    pairs: tuple[tuple[str, int], ...] = ()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*Settings.model_fields, *LakeSettings.model_fields]:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:19092")
    monkeypatch.setenv("HTTP_PORT", "18100")


def complaints(capsys: pytest.CaptureFixture[str], kind: type[Settings | LakeSettings] = Settings) -> list[str]:
    with pytest.raises(SystemExit) as caught:
        load(kind)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()


def test_reads_the_environment() -> None:
    settings = load(Settings)
    assert (settings.kafka_bootstrap_servers, settings.http_port) == ("127.0.0.1:19092", 18100)


def test_listens_on_loopback_unless_told_otherwise() -> None:
    assert load(Settings).http_host == "127.0.0.1"


def test_names_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("HTTP_PORT")
    assert complaints(capsys) == ["HTTP_PORT is not set; set it in the environment (`stack env` prints every setting)."]


def test_says_one_sentence_for_each_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_PORT", "70000")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("PAIRS", '[["a", "x"], ["b", "y"]]')
    said = complaints(capsys)
    assert len(said) == 3
    assert "HTTP_PORT is wrong: Input should be less than or equal to 65535." in said
    assert any(line.startswith("LOG_LEVEL is wrong: Input should be 'DEBUG'") for line in said)
    assert any(line.startswith("PAIRS is wrong at 0.1: ") for line in said)


def test_reads_variables_with_a_prefix_and_names_them_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EAST_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("EAST_PAIRS", "[")
    monkeypatch.setenv("WEST_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:2")
    with pytest.raises(SystemExit):
        load(Settings, "EAST_")
    with pytest.raises(SystemExit):
        load(Settings, "WEST_")
    assert capsys.readouterr().err.splitlines() == [
        "EAST_PAIRS is wrong: it is not JSON.",
        "WEST_HTTP_PORT is not set; set it in the environment (`stack env` prints every setting).",
    ]


def test_says_that_a_structured_variable_is_not_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAIRS", f"[{SECRET}")
    assert complaints(capsys) == ["PAIRS is wrong: it is not JSON."]


def test_never_shows_a_value(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CATALOG_URI", SECRET)
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", SECRET)
    assert SECRET not in "".join(complaints(capsys, LakeSettings))


def test_hides_secrets_when_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LakeSettings.model_fields:
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:1")
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", SECRET)
    settings = load(LakeSettings)
    assert SECRET not in repr(settings)
    assert settings.s3_secret_access_key.get_secret_value() == SECRET


def test_what_may_be_unusable_is_what_each_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"MAX_COUNT": "7", "COUNT_RATIO": "0.5", "MAX_RATIO": "0.25", "SPARED": "3", "WINDOW_SECONDS": "90"}
    for name, value in said.items():
        monkeypatch.setenv(f"POISON_{name}", value)
    expected = Tolerance(max_count=7, max_ratio=0.25, spared=3, window_seconds=90.0, count_ratio=0.5)
    assert load(PoisonSettings).tolerance == expected
