"""What Dagster ran while a bench measured is said beside the figures."""

from tests.performance.chain.scheduled import told
from tests.performance.chain.tables import conditions

QUIET = {"load_average": 1.0, "busy": 0.5, "steal": 0.0, "own_cores": {"observers": 0.01}}


def test_where_nothing_ran_nothing_is_said() -> None:
    assert told({}) == ""
    assert "\n" not in conditions(QUIET | {"dagster_runs": {}})


def test_each_job_is_named_with_how_often_it_ran() -> None:
    machine, runs = conditions(QUIET | {"dagster_runs": {"maintain_lake": 2, "hourly_silver": 1}}).splitlines()
    assert machine.startswith("machine: load 1.0")
    assert runs.startswith("Dagster ran hourly_silver, maintain_lake (2 times) meanwhile")
