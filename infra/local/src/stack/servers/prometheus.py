"""Prometheus, which scrapes everything that offers metrics, and the Alertmanager that its alerts go to."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from stack.context import Context
from stack.gateways import gateways
from stack.ports import LOOPBACK
from stack.processes import Group, Process
from stack.readiness import HttpReady
from stack.servers import object_store

# The longest window of the objectives is three days.
RETENTION = "4d"
SECONDS = "5s"


def rules(context: Context) -> Path:
    """Return the pattern of the files of rules."""
    return context.places.repository / "infra" / "monitoring" / "rules" / "*.yaml"


def config(context: Context) -> str:
    """Return what is scraped, and which rules hold."""
    ports = context.ports
    targets = {
        **{each.name: (ports.named((each.port,))[each.port], "/metrics") for each in gateways(context.places)},
        "inference": (ports.inference, "/metrics"),
        "archiver": (ports.archiver_metrics, "/metrics"),
        "watch": (ports.watch_metrics, "/metrics"),
        "console": (ports.console, "/metrics"),
        "orchestrator": (ports.orchestrator_metrics, "/metrics"),
        "orchestrator-temporal": (ports.orchestrator_temporal_metrics, "/metrics"),
        **{
            each.normalizer: (ports.named((each.normalizer_port,))[each.normalizer_port], "/metrics")
            for each in gateways(context.places)
        },
        "flink-jobmanager": (ports.flink_metrics, "/metrics"),
        "flink-taskmanager": (ports.flink_task_metrics, "/metrics"),
        "temporal": (ports.temporal_metrics, "/metrics"),
        "object-store": object_store.metrics(context),
        "registry": (ports.registry_management, "/metrics"),
        "prometheus": (ports.prometheus, "/metrics"),
        "alertmanager": (ports.alertmanager, "/metrics"),
    }
    jobs = {name: (f"{LOOPBACK}:{port}", path) for name, (port, path) in targets.items()}
    return document(jobs, str(rules(context)), f"{LOOPBACK}:{ports.alertmanager}")


def document(jobs: Mapping[str, tuple[str, str]], rules: str, alertmanager: str) -> str:
    """Return prometheus.yml: address and path of each job by its name, the rules' files, where alerts go."""
    settings = {
        "global": {"scrape_interval": SECONDS, "evaluation_interval": SECONDS},
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "rule_files": [rules],
        "scrape_configs": [
            {"job_name": name, "metrics_path": path, "static_configs": [{"targets": [address]}]}
            for name, (address, path) in jobs.items()
        ],
    }
    return yaml.safe_dump(settings, sort_keys=False)


def alertmanager_config() -> str:
    """Return where alerts go: they are kept for whoever looks; nobody is called from a local stack."""
    return yaml.safe_dump({"route": {"receiver": "local"}, "receivers": [{"name": "local"}]}, sort_keys=False)


def items(context: Context) -> tuple[Process, ...]:
    """Return Prometheus and the Alertmanager beside it."""
    tools = context.tools
    return (
        _prometheus(context, tools.servers.target() / "prometheus"),
        _alertmanager(context, tools.servers.target() / "alertmanager"),
    )


def _prometheus(context: Context, program: Path) -> Process:
    file = context.config("prometheus") / "prometheus.yml"
    address = f"{LOOPBACK}:{context.ports.prometheus}"
    return Process(
        name="prometheus",
        group=Group.INFRASTRUCTURE,
        command=(
            str(program),
            f"--config.file={file}",
            f"--storage.tsdb.path={context.data('prometheus')}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ),
        files={file: config(context)},
        ports=("prometheus",),
        ready=HttpReady(f"http://{address}/-/ready"),
    )


def _alertmanager(context: Context, program: Path) -> Process:
    file = context.config("alertmanager") / "alertmanager.yml"
    address = f"{LOOPBACK}:{context.ports.alertmanager}"
    return Process(
        name="alertmanager",
        group=Group.INFRASTRUCTURE,
        command=(
            str(program),
            f"--config.file={file}",
            f"--storage.path={context.data('alertmanager')}",
            f"--web.listen-address={address}",
            # No other one is to be found.
            "--cluster.listen-address=",
            "--log.level=warn",
        ),
        files={file: alertmanager_config()},
        ports=("alertmanager",),
        ready=HttpReady(f"http://{address}/-/ready"),
    )
