import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from analytics.program import InstalledDbt, ended_with_its_run
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


@pytest.mark.parametrize("trusted", ["", "/etc/trino.pem"])
def test_dbt_trusts_the_authorities_that_are_set_for_trino_and_no_others(
    trusted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "dbt"
    program.write_text('#!/bin/sh\ntest "$REQUESTS_CA_BUNDLE$CURL_CA_BUNDLE" = "$EXPECTED"\n')
    program.chmod(0o700)
    for name, value in {
        "REQUESTS_CA_BUNDLE": "/etc/company.pem",
        "CURL_CA_BUNDLE": "",
        "TRINO_TLS_CA_FILE": trusted,
        "EXPECTED": "" if trusted else "/etc/company.pem",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dbt_project.yml").write_text("name: some\nversion: '1'\nprofile: some\n")
    (tmp_path / "profiles.yml").write_text("some: {target: none, outputs: {none: {type: trino}}}\n")
    dbt = InstalledDbt(project_dir=str(tmp_path), profiles_dir=str(tmp_path), dbt_executable=str(program))
    assert dbt.cli(["debug"], raise_on_error=False).wait().is_successful()
    assert os.environ["REQUESTS_CA_BUNDLE"] == "/etc/company.pem"
