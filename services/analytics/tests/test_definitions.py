"""All that the code location has, as a text that is committed: a change of it is seen in a review.

`UPDATE_GOLDEN=1` writes it anew.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from analytics.location import build
from analytics.settings import AnalyticsSettings
from dagster import Definitions, JobDefinition
from dagster_dbt import DbtProject

_NAMED = 72
WRITTEN = Path(__file__).with_name("definitions.txt")


@pytest.fixture(scope="module")
def whole(project: DbtProject) -> Definitions:
    """The definitions where all that can be set is."""
    settings = AnalyticsSettings(
        dbt_project_dir=project.project_dir, kafka_bootstrap_servers="kafka:9092", openlineage_url="http://lineage"
    )
    return build(settings)


def lines_of(definitions: Definitions) -> Iterator[str]:
    repository = definitions.get_repository_def()
    graph = definitions.resolve_asset_graph()
    jobs = sorted((each for each in repository.get_all_jobs() if not each.name.startswith("__")), key=lambda j: j.name)
    yield "assets, what they are made from, and their checks"
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        made = "" if node.is_external else " (made here)"
        yield f"  {key.to_user_string()}{made}"
        yield from (f"    from {parent.to_user_string()}" for parent in sorted(node.parent_keys))
        yield from (f"    check {shortened(check.name)}" for check in sorted(node.check_keys, key=lambda c: c.name))
    for job in jobs:
        yield f"job {job.name}"
        yield from (f"  {name}: {value}" for name, value in sorted(job.tags.items()))
        if job.partitions_def is not None:
            yield f"  partitions: {job.partitions_def}"
        yield from steps_of(job)
    for schedule in sorted(repository.schedule_defs, key=lambda each: each.name):
        status = schedule.default_status.value
        yield f"schedule {schedule.name}: {schedule.job_name}, {schedule.cron_schedule}, {status}"
    for sensor in sorted(repository.sensor_defs, key=lambda each: each.name):
        yield f"sensor {sensor.name}: every {sensor.minimum_interval_seconds} s, {sensor.default_status.value}"
    yield f"resources: {', '.join(sorted(repository.get_top_level_resources()))}"


def shortened(name: str) -> str:
    """A name without most of the values that dbt puts at its end, which are in the contracts."""
    return name if len(name) <= _NAMED else f"{name[:_NAMED]}…"


def steps_of(job: JobDefinition) -> Iterator[str]:
    """What a job makes and checks; of one without assets, its steps."""
    assets = job.asset_layer.asset_graph
    yield from (f"  makes {key.to_user_string()}" for key in sorted(assets.executable_asset_keys))
    checks = Counter(each.asset_key for each in assets.asset_check_keys)
    yield from (f"  checks {key.to_user_string()}: {count}" for key, count in sorted(checks.items()))
    if not assets.executable_asset_keys and not checks:
        yield from (f"  does {node.name}" for node in sorted(job.nodes, key=lambda each: each.name))


def test_the_definitions_are_those_that_are_written_down(whole: Definitions) -> None:
    text = "\n".join(lines_of(whole)) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        WRITTEN.write_text(text, encoding="utf-8")
    assert text == WRITTEN.read_text(encoding="utf-8"), "see what changed; UPDATE_GOLDEN=1 writes it anew"


def test_every_job_is_ended_where_it_hangs(whole: Definitions) -> None:
    jobs = [each for each in whole.get_repository_def().get_all_jobs() if not each.name.startswith("__")]
    assert jobs
    assert {each.name for each in jobs if int(each.tags.get("dagster/max_runtime", 0)) <= 0} == set()
