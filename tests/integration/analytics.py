"""The lake's upper layers, built by dbt on the real Trino from rows of the real Bronze.

Silver and Gold are built in schemas of a module's own; each test has merchants of its own.
"""

import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import pyarrow as pa
import pytest
import trino
from kit.lake import load_catalog
from kit.settings import LakeSettings
from payments_contracts.pins.orchestrator import ScoredPayment
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, TABLES
from pyiceberg.table import Table

with warnings.catch_warnings():
    # Libraries of dbt and Dagster warn about each other, once, on import.
    warnings.simplefilter("ignore")
    from analytics.location import build
    from analytics.project import find_project, prepare
    from dagster import AssetCheckEvaluation, AssetKey, DagsterInstance, Definitions, ExecuteInProcessResult
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

from analytics.settings import AnalyticsSettings

REPOSITORY = Path(__file__).resolve().parents[2]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
_NAMESPACE, _EVENTS = BRONZE_PAYMENT_EVENTS.identifier.split(".")

Query = Callable[[str], list[list[Any]]]


class Dbt(Protocol):
    """Runs a command of dbt over the whole project."""

    def __call__(self, command: str, *options: str, may_fail: bool = False) -> dict[str, str]:
        """Run it, and return what each model and test came to, by its name.

        Raises:
            AssertionError: it failed, and may not; with what is wrong.
        """


@pytest.fixture(scope="module")
def bronze_namespace() -> str:
    """The schema of Bronze; a module that has a fixture of this name with `own_namespace()` has a Bronze of its own."""
    return _NAMESPACE


def own_namespace() -> str:
    """A schema for a Bronze that nothing else writes to."""
    return f"bronze_test_{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def environment(
    stack: Mapping[str, str], bronze_namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """The stack's settings, with schemas and a prepared dbt project of this run's own."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(REPOSITORY / "dbt", root / "dbt", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    shutil.copytree(REPOSITORY / "generated" / "dbt", root / "generated" / "dbt")
    sources = root / "generated" / "dbt" / "models" / "sources.yml"
    declared = sources.read_text()
    assert declared.count("schema: bronze\n") == 1
    sources.write_text(declared.replace("schema: bronze\n", f"schema: {bronze_namespace}\n"))
    own = {"DBT_PROJECT_DIR": str(root / "dbt"), "DBT_SCHEMA_SUFFIX": f"_test_{uuid.uuid4().hex[:8]}"}
    environment = {**os.environ, **stack, **own}
    with within(environment):
        prepare(find_project(AnalyticsSettings()))
    return environment


@contextmanager
def within(environment: Mapping[str, str]) -> Iterator[None]:
    """Have this process in an environment for a while, and libraries of dbt warn about each other in silence."""
    with mock.patch.dict(os.environ, environment), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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
def bronze(environment: Mapping[str, str], bronze_namespace: str) -> Iterator[Table]:
    settings = LakeSettings.model_validate({name.lower(): value for name, value in environment.items()})
    catalog = load_catalog(settings)
    if bronze_namespace == _NAMESPACE:
        yield catalog.load_table(BRONZE_PAYMENT_EVENTS.identifier)
        return
    catalog.create_namespace(bronze_namespace)
    own = {each.identifier: (bronze_namespace, each.identifier.split(".")[1]) for each in TABLES}
    for identifier, name in own.items():
        table = catalog.load_table(identifier)
        catalog.create_table(name, table.schema(), None, table.spec(), table.sort_order(), table.properties)
    yield catalog.load_table((bronze_namespace, _EVENTS))
    for name in own.values():
        catalog.drop_table(name)
    catalog.drop_namespace(bronze_namespace)


@pytest.fixture(scope="module")
def dbt(environment: Mapping[str, str]) -> Dbt:
    """Run a command of dbt over the whole project, in this process; what is deprecated is an error."""
    project = environment["DBT_PROJECT_DIR"]
    # Neither its log nor its artifacts are looked at here, and writing them costs time.
    strictness = ["--quiet", "--warn-error-options", '{"error": ["Deprecations"]}']
    strictness += ["--log-level-file", "none", "--no-write-json"]
    folders = ["--project-dir", project, "--profiles-dir", project]
    with within(environment):
        parsed = dbtRunner().invoke([*strictness, "parse", *folders])
    assert isinstance(parsed.result, Manifest), parsed.exception
    # One that has the project need not read it again for each command.
    program = dbtRunner(parsed.result)

    def run(command: str, *options: str, may_fail: bool = False) -> dict[str, str]:
        with within(environment):
            done = program.invoke([*strictness, command, *folders, *options])
        results = getattr(done.result, "results", ())
        wrong = [f"{each.node.name}: {each.message}" for each in results if each.status in {"error", "fail"}]
        assert done.success or (may_fail and done.exception is None), "\n".join([str(done.exception), *wrong])
        return {each.node.name: str(each.status) for each in results}

    return run


@pytest.fixture(scope="module")
def location(environment: Mapping[str, str]) -> Definitions:
    """The code location, of the stack's servers."""
    with within(environment):
        return build(AnalyticsSettings())


class Run(Protocol):
    """Runs a job of the code location in this process."""

    def __call__(self, job: str, *assets: AssetKey) -> ExecuteInProcessResult:
        """Run it, or the part of it that makes some assets; raises what a step raises."""


@pytest.fixture(scope="module")
def run_job(environment: Mapping[str, str], location: Definitions) -> Run:
    def run(job: str, *assets: AssetKey) -> ExecuteInProcessResult:
        with within(environment), DagsterInstance.ephemeral() as instance:
            return location.resolve_job_def(job).execute_in_process(instance=instance, asset_selection=assets or None)

    return run


def checks_of(run: ExecuteInProcessResult) -> dict[str, AssetCheckEvaluation]:
    """What each check of a run came to, by its name."""
    return {each.check_name: each for each in run.get_asset_check_evaluations()}


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
    # Others commit to it, too, and drop what this handle knows.
    bronze.refresh()
    bronze.append(pa.Table.from_pylist(list(rows), schema=bronze.schema().as_arrow()))


def gold_of(query: Query, merchant: str) -> list[list[Any]]:
    return query(
        "select event_date, currency, status, payment_count, amount_minor, amount_major, failed_count,"  # noqa: S608  # the values are ours
        f" retry_advised_count from {{gold}}.daily_payment_metrics where merchant_id = '{merchant}' order by 1, 2, 3"
    )
