"""What Prometheus scrapes and which rules it follows, and who is started with it."""

from pathlib import Path

import yaml

from stack.applications import applications
from stack.context import Context
from stack.servers import prometheus


def test_the_rules_of_the_repository_are_loaded(context: Context) -> None:
    config = yaml.safe_load(prometheus.config(context))
    (pattern,) = map(Path, config["rule_files"])
    assert {path.name for path in pattern.parent.glob(pattern.name)} == {"alerts.yaml", "slos.yaml"}


def test_every_program_of_ours_is_scraped(context: Context) -> None:
    jobs = {job["job_name"] for job in yaml.safe_load(prometheus.config(context))["scrape_configs"]}
    ours = {process.name for process in applications(context) if not process.name.startswith("dagster")}
    assert ours
    assert ours <= jobs


def test_its_alerts_go_to_the_alertmanager_beside_it(context: Context) -> None:
    server, alertmanager = prometheus.items(context)
    (settings,) = (yaml.safe_load(text) for text in server.files.values())
    ((found,),) = (each["static_configs"] for each in settings["alerting"]["alertmanagers"])
    (target,) = found["targets"]
    assert f"--web.listen-address={target}" in alertmanager.command


def test_the_watch_looks_at_the_disk_of_the_state(context: Context) -> None:
    (watch,) = (process for process in applications(context) if process.name == "watch")
    assert watch.environment["WATCH_MOUNTS"] == f"state={context.places.state}"
