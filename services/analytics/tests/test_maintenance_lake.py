"""Which family each failure of Trino belongs to."""

from collections.abc import Callable
from typing import Any

import pytest
from analytics.maintenance.lake import AbsentTableError, Lake
from kit.errors import Fault, PipelineError, Transient
from kit.settings import TrinoSettings
from requests import ConnectionError as NoConnectionError
from trino.exceptions import TrinoExternalError, TrinoQueryError, TrinoUserError


class Cursor:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def execute(self, statement: str) -> None:
        raise self._error

    def close(self) -> None:
        pass


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], Lake]:
    def build(error: Exception) -> Lake:
        lake = Lake(TrinoSettings(trino_port=1), statement_seconds=60)
        monkeypatch.setattr(lake._connection, "cursor", lambda: Cursor(error))
        return lake

    return build


def answer(name: str, kind: str) -> dict[str, Any]:
    return {"errorName": name, "errorType": kind, "message": "told by Trino", "failureInfo": {}}


@pytest.mark.parametrize(
    ("error", "family", "message"),
    [
        (TrinoUserError(answer("TABLE_NOT_FOUND", "USER_ERROR")), AbsentTableError, "told by Trino"),
        (TrinoUserError(answer("SCHEMA_NOT_FOUND", "USER_ERROR")), AbsentTableError, "told by Trino"),
        (TrinoUserError(answer("SYNTAX_ERROR", "USER_ERROR")), Fault, "refuses the statement: told by Trino"),
        (TrinoExternalError(answer("ICEBERG_COMMIT_ERROR", "EXTERNAL")), Transient, "another writer"),
        (TrinoExternalError(answer("ICEBERG_CATALOG_ERROR", "EXTERNAL")), Transient, "failed with ICEBERG_CATALOG"),
        (TrinoQueryError(answer("SERVER_STARTING_UP", "INTERNAL_ERROR")), Transient, "no room now"),
        (TrinoQueryError(answer("EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES")), Fault, "took too long"),
        (TrinoQueryError(answer("GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR")), Fault, "failed with GENERIC"),
        (NoConnectionError("refused"), Transient, "127.0.0.1:1 does not answer"),
    ],
)
def test_every_failure_has_its_family(
    failing: Callable[[Exception], Lake], error: Exception, family: type[PipelineError], message: str
) -> None:
    with pytest.raises(family, match=message) as raised:
        failing(error).ask("select 1")
    assert type(raised.value) is family


def test_a_trino_that_is_away_is_named_with_its_address() -> None:
    with pytest.raises(Transient, match=r"Trino at 127\.0\.0\.1:1 does not answer"):
        Lake(TrinoSettings(trino_port=1), statement_seconds=60).ask("select 1")
