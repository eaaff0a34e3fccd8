from datetime import timedelta
from typing import Any

import pytest
from orchestrator.settings import CommitterSettings, ConsumerSettings, WorkerSettings
from payments_contracts.business import REVIEW_LIMITS
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED
from pydantic import ValidationError

KAFKA: dict[str, Any] = {
    "kafka_bootstrap_servers": "127.0.0.1:19092",
    "schema_registry_url": "http://127.0.0.1:18081",
}
WORKER: dict[str, Any] = KAFKA | {"inference_url": "http://127.0.0.1:18110"}
COMMITTER: dict[str, Any] = {
    "catalog_uri": "http://127.0.0.1:18181",
    "catalog_warehouse": "s3://lakehouse/warehouse",
    "s3_endpoint": "http://127.0.0.1:19000",
    "s3_access_key_id": "key",
    "s3_secret_access_key": "secret",
    "s3_region": "us-east-1",
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTGRES_DSN", "DATABASE_ENABLED"):
        monkeypatch.delenv(name, raising=False)


def test_the_contract_says_what_is_read_and_written() -> None:
    assert ConsumerSettings(**KAFKA).source_topic == NORMALIZED.name
    assert CommitterSettings(**COMMITTER).lake_table == BRONZE_PAYMENT_EVENTS.identifier


def test_the_database_is_written_where_there_is_one_and_it_is_not_switched_off() -> None:
    dsn = "postgresql://payments:secret@127.0.0.1/payments"
    assert WorkerSettings(**WORKER).database_dsn is None
    assert WorkerSettings(**WORKER, postgres_dsn=dsn).database_dsn is not None
    assert WorkerSettings(**WORKER, postgres_dsn=dsn, database_enabled=False).database_dsn is None


def test_rules_follow_the_settings() -> None:
    settings = WorkerSettings(**WORKER, rules_blocked_merchants=frozenset({"m"}), rules_clock_tolerance_seconds=60)
    assert settings.rule_book.blocked_merchants == {"m"}
    assert settings.rule_book.clock_tolerance == timedelta(minutes=1)


def test_a_review_limit_of_the_settings_takes_the_place_of_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULES_REVIEW_LIMITS", '{"USD": 5}')
    limits = WorkerSettings(**WORKER).rule_book.review_limits
    assert (limits["USD"], limits["EUR"]) == (5, REVIEW_LIMITS["EUR"])


def test_a_review_limit_is_no_negative_number() -> None:
    with pytest.raises(ValidationError, match="rules_review_limits"):
        WorkerSettings(**WORKER, rules_review_limits={"USD": -1})


def test_groups_follow_the_settings() -> None:
    policy = CommitterSettings(**COMMITTER, commit_max_rows=7, commit_max_wait_seconds=0.25).group_policy
    assert (policy.max_rows, policy.max_wait_seconds, policy.waiting_rows) == (7, 0.25, 70)


def test_blocked_merchants_come_as_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULES_BLOCKED_MERCHANTS", '["a", "b"]')
    assert WorkerSettings(**WORKER).rule_book.blocked_merchants == {"a", "b"}


def test_a_wrong_value_is_refused() -> None:
    with pytest.raises(ValidationError, match="commit_max_rows"):
        CommitterSettings(**COMMITTER | {"commit_max_rows": 0})
