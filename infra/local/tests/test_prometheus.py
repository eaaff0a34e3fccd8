"""What Prometheus scrapes and which rules it follows, and who is started with it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from stack.applications import applications
from stack.context import Context
from stack.servers import prometheus


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    return lambda path: monkeypatch.setattr(prometheus, "program", lambda: path)


def test_the_rules_of_the_repository_are_loaded(context: Context) -> None:
    config = yaml.safe_load(prometheus.config(context))
    (pattern,) = map(Path, config["rule_files"])
    assert {path.name for path in pattern.parent.glob(pattern.name)} == {"alerts.yaml", "slos.yaml"}


def test_every_program_of_ours_is_scraped(context: Context, put: Callable[[str | None], None]) -> None:
    put("/usr/bin/prometheus")
    jobs = {job["job_name"] for job in yaml.safe_load(prometheus.config(context))["scrape_configs"]}
    ours = {process.name for process in applications(context) if not process.name.startswith("dagster")}
    assert ours
    assert ours <= jobs


def test_what_no_prometheus_asks_for_is_not_started(context: Context, put: Callable[[str | None], None]) -> None:
    put(None)
    assert prometheus.items(context) == ()
    assert "watch" not in {process.name for process in applications(context)}
    put("/usr/bin/prometheus")
    assert [process.name for process in prometheus.items(context)] == ["prometheus"]
    assert "watch" in {process.name for process in applications(context)}


def test_the_watch_looks_at_the_disk_of_the_state(context: Context, put: Callable[[str | None], None]) -> None:
    put("/usr/bin/prometheus")
    (watch,) = (process for process in applications(context) if process.name == "watch")
    assert watch.environment["WATCH_MOUNTS"] == f"state={context.places.state}"
