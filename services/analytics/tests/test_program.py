import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from analytics.program import ended_with_its_run
from dagster import DagsterExecutionInterruptedError


def sleeper() -> Any:
    return cast(
        "Any", SimpleNamespace(process=subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
    )


def test_dbt_does_not_outlive_a_run_that_gave_up_waiting_for_it() -> None:
    invocation = sleeper()
    with pytest.raises(DagsterExecutionInterruptedError), ended_with_its_run(invocation) as build:
        build.process.wait(timeout=0.01)
    assert invocation.process.returncode == -9


def test_dbt_that_has_ended_is_left_alone() -> None:
    invocation = cast("Any", SimpleNamespace(process=subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])))
    with ended_with_its_run(invocation) as build:
        build.process.wait()
    assert invocation.process.returncode == 3
