from pathlib import Path

import pytest
from kit.settings import load
from normalizer.configuration import fingerprint, function_settings, job_options, recovery_options
from normalizer.script import Script
from normalizer.settings import NormalizerSettings
from normalizer.submission import causes, client_environment

SCRIPT = Script(definitions=("CREATE TABLE a (x INT)",), statement_set="EXECUTE STATEMENT SET BEGIN END;")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "SCHEMA_REGISTRY_URL": "http://registry:8081",
        "S3_ENDPOINT": "http://minio:9000",
        "S3_ACCESS_KEY_ID": "key",
        "S3_SECRET_ACCESS_KEY": "hidden-value",
        "S3_REGION": "us-east-1",
        "FLINK_URL": "http://flink:18083",
        "FLINK_HOME": "/opt/flink",
        "NORMALIZER_SQL_DIR": "/srv/sql",
        "METRICS_PORT": "18130",
        "NORMALIZER_PROVIDER": "stripe",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_submits_to_the_cluster_that_the_settings_name(environment: pytest.MonkeyPatch) -> None:
    options = job_options(load(NormalizerSettings), python="/env/bin/python")

    assert options["execution.target"] == "remote"
    assert options["rest.address"] == "flink"
    assert options["rest.port"] == "18083"
    assert options["python.executable"] == "/env/bin/python"


def test_hands_on_which_keys_a_merchant_may_have(environment: pytest.MonkeyPatch) -> None:
    assert function_settings(job_options(load(NormalizerSettings), python="python")).merchant_keys == {}
    environment.setenv("NORMALIZER_MERCHANT_METADATA_KEYS", '{"merch_2": ["season", "campaign"]}')
    options = job_options(load(NormalizerSettings), python="python")
    assert function_settings(options).merchant_keys == {"merch_2": ("campaign", "season")}


def test_keys_that_are_no_lists_stop_the_start(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NORMALIZER_MERCHANT_METADATA_KEYS", '{"merch_2": "campaign"}')
    with pytest.raises(SystemExit):
        load(NormalizerSettings)


def test_each_job_name_has_state_of_its_own(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NORMALIZER_JOB_NAME", "other")
    environment.setenv("NORMALIZER_STATE_DIR", "s3://bucket/")

    options = job_options(load(NormalizerSettings), python="python")

    assert options["execution.checkpointing.dir"] == "s3://bucket/checkpoints/other"
    assert options["execution.checkpointing.savepoint-dir"] == "s3://bucket/savepoints/other"


def test_is_exactly_once_and_keeps_checkpoints_of_cancelled_jobs(environment: pytest.MonkeyPatch) -> None:
    options = job_options(load(NormalizerSettings), python="python")

    assert options["execution.checkpointing.mode"] == "EXACTLY_ONCE"
    assert options["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"


def test_fills_every_placeholder(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NORMALIZER_GROUP_ID", "test-1")

    assert load(NormalizerSettings).placeholders() == {
        "bootstrap_servers": "kafka:9092",
        "schema_registry_url": "http://registry:8081",
        "group_id": "test-1",
        "transactional_id_prefix": "normalizer-stripe",
        "transaction_timeout_ms": "259200000",
        "job_name": "normalizer-stripe",
    }


def test_each_provider_has_a_job_state_and_transactions_of_its_own(environment: pytest.MonkeyPatch) -> None:
    found = set()
    for provider in ("stripe", "square"):
        environment.setenv("NORMALIZER_PROVIDER", provider)
        settings = load(NormalizerSettings)
        found |= {settings.job_name, settings.placeholders()["transactional_id_prefix"]}
        found |= {settings.checkpoint_dir, settings.savepoint_dir}
        assert function_settings(job_options(settings, python="python")).provider == provider

    assert found == {
        *("normalizer-stripe", "s3://flink/checkpoints/normalizer-stripe", "s3://flink/savepoints/normalizer-stripe"),
        *("normalizer-square", "s3://flink/checkpoints/normalizer-square", "s3://flink/savepoints/normalizer-square"),
    }


def test_a_provider_that_the_contracts_do_not_know_stops_the_start(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("NORMALIZER_PROVIDER", "strype")

    with pytest.raises(SystemExit):
        load(NormalizerSettings)

    assert "no provider 'strype'; they know adyen" in capsys.readouterr().err


def test_a_missing_setting_is_one_sentence(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.delenv("FLINK_HOME")

    with pytest.raises(SystemExit):
        load(NormalizerSettings)

    assert "FLINK_HOME is not set" in capsys.readouterr().err


def test_never_shows_the_secret(environment: pytest.MonkeyPatch) -> None:
    assert "hidden-value" not in repr(load(NormalizerSettings))


def test_a_first_start_recovers_nothing() -> None:
    assert recovery_options(None) == {}


def test_recovery_refuses_state_that_fits_no_operator() -> None:
    options = recovery_options("s3://flink/savepoints/n/savepoint-1")

    assert options["execution.state-recovery.path"] == "s3://flink/savepoints/n/savepoint-1"
    assert options["execution.state-recovery.ignore-unclaimed-state"] == "false"


def test_recovery_may_be_told_to_ignore_such_state() -> None:
    options = recovery_options("s3://flink/savepoints/n/savepoint-1", ignore_unclaimed_state=True)

    assert options["execution.state-recovery.ignore-unclaimed-state"] == "true"


def test_the_fingerprint_changes_with_sql_options_and_code(tmp_path: Path) -> None:
    source = tmp_path / "mapping.py"
    source.write_text("one")
    first = fingerprint(SCRIPT, {"a": "1"}, [source])
    same = fingerprint(SCRIPT, {"a": "1"}, [source])
    other_sql = fingerprint(SCRIPT.model_copy(update={"definitions": ()}), {"a": "1"}, [source])
    other_options = fingerprint(SCRIPT, {"a": "2"}, [source])
    source.write_text("two")
    other_code = fingerprint(SCRIPT, {"a": "1"}, [source])

    assert first == same
    assert len({first, other_sql, other_options, other_code}) == 4


def test_the_client_plans_with_the_clusters_own_distribution() -> None:
    environment = client_environment({"PATH": "/bin"}, flink_home=Path("/opt/flink"))

    assert environment["PATH"] == "/bin"
    assert environment["FLINK_HOME"] == "/opt/flink"
    assert environment["_python_worker_execution_mode"] == "process"


def test_a_refusal_is_told_without_stack_frames() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in <module>\n'
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.executeSql.\n"
        ": org.apache.flink.table.api.ValidationException: Cannot find table 'a'\n"
        "\tat org.apache.flink.X.y(X.java:1)\n"
    )

    assert causes(text).splitlines() == [
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.executeSql.",
        ": org.apache.flink.table.api.ValidationException: Cannot find table 'a'",
    ]
