"""The lake's upper layers, built by dbt on the real Trino from rows of the real Bronze.

Silver and Gold are built in schemas of a module's own; each test has merchants of its own.
"""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest
import trino
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.pins.orchestrator import ScoredPayment
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from pyiceberg.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)

Query = Callable[[str], list[list[Any]]]


class Dbt(Protocol):
    """Runs a command of dbt over the whole project."""

    def __call__(self, command: str, *options: str) -> None:
        """Run it; AssertionError with what it printed where it fails."""


@pytest.fixture(scope="module")
def environment(stack: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The stack's settings, with schemas and a prepared dbt project of this run's own."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(REPOSITORY / "dbt", root / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    shutil.copytree(REPOSITORY / "generated" / "dbt", root / "generated" / "dbt")
    own = {"DBT_PROJECT_DIR": str(root / "dbt"), "DBT_SCHEMA_SUFFIX": f"_test_{uuid.uuid4().hex[:8]}"}
    environment = {**os.environ, **stack, **own}
    subprocess.run([sys.executable, "-m", "analytics"], check=True, env=environment, timeout=120)
    return environment


@pytest.fixture(scope="module")
def query(environment: Mapping[str, str]) -> Iterator[Query]:
    """Ask Trino; `{silver}` and `{gold}` are the run's schemas, dropped at the end."""
    suffix = environment["DBT_SCHEMA_SUFFIX"]
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=environment["TRINO_HOST"],
        port=int(environment["TRINO_PORT"]),
        user=environment["TRINO_USER"],
        catalog="lake",
    )

    def ask(statement: str) -> list[list[Any]]:
        cursor = connection.cursor()
        cursor.execute(statement.format(silver=f"silver{suffix}", gold=f"gold{suffix}"))
        return [list(row) for row in cursor.fetchall()]

    yield ask
    ask("drop schema if exists {silver} cascade")
    ask("drop schema if exists {gold} cascade")
    connection.close()


@pytest.fixture(scope="module")
def bronze(environment: Mapping[str, str]) -> Table:
    settings = LakeSettings.model_validate({name.lower(): value for name, value in environment.items()})
    table: Table = load_catalog(settings).load_table(BRONZE_PAYMENT_EVENTS.identifier)
    return table


@pytest.fixture(scope="module")
def dbt(environment: Mapping[str, str]) -> Dbt:
    """Run a command of dbt over the whole project; what is deprecated is an error."""
    project = environment["DBT_PROJECT_DIR"]
    program = str(Path(sys.executable).with_name("dbt"))
    strictness = ["--warn-error-options", '{"error": ["Deprecations"]}']
    folders = ["--project-dir", project, "--profiles-dir", project]

    def run(command: str, *options: str) -> None:
        done = subprocess.run(
            [program, *strictness, command, *folders, *options],
            check=False,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout[-5000:]

    return run


@pytest.fixture
def merchant() -> str:
    return f"merch_{uuid.uuid4().hex}"


def payment(merchant: str, **changes: Any) -> dict[str, Any]:
    """A row of Bronze as the contract has it: one succeeded payment of 12.34 USD, unless changed."""
    row: dict[str, Any] = {
        "event_id": str(uuid.uuid4()),
        "provider": "stripe",
        "provider_event_id": f"evt_{uuid.uuid4().hex}",
        "event_type": "payment.succeeded",
        "merchant_id": merchant,
        "amount_cents": 1234,
        "currency": "USD",
        "status": "succeeded",
        "metadata": {"b": "2", "a": "1"},
        "provider_created_at": NOON,
        "processed_at": NOON + timedelta(seconds=1),
        "rule_violations": [],
        "fraud_score": 0.25,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
        "scored_at": NOON + timedelta(seconds=2),
        "schema_version": 1,
    }
    return ScoredPayment.model_validate(row | changes).model_dump()


def failed(merchant: str, **changes: Any) -> dict[str, Any]:
    advice = {"should_retry": True, "delay_seconds": 3600, "max_attempts": 3}
    state = {"event_type": "payment.failed", "status": "failed", "failure_code": "card_declined"}
    return payment(merchant, **state, retry_strategy=advice, retry_strategy_source="model", **changes)


def append(bronze: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    bronze.append(pa.Table.from_pylist(list(rows), schema=bronze.schema().as_arrow()))


def gold_of(query: Query, merchant: str) -> list[list[Any]]:
    return query(
        "select event_date, currency, status, payment_count, amount_minor, amount_major, failed_count,"  # noqa: S608  # the values are ours
        f" retry_advised_count from {{gold}}.daily_payment_metrics where merchant_id = '{merchant}' order by 1, 2, 3"
    )
