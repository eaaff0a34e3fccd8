"""Every series that a shipped rule reads is shown by something that Prometheus scrapes, in compose and in a cluster."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring.jobs import EVERYWHERE, JOBS
from monitoring.own import OWN
from monitoring.promql import series

from deployment import manifests
from deployment.__main__ import FILE, REPOSITORY

from .kubernetes import pods, resources

RULES = [
    rule
    for path in sorted((REPOSITORY / "infra" / "monitoring" / "rules").glob("*.yaml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
READ = frozenset().union(*(series(rule["expr"]) for rule in RULES)) - {each.get("record") for each in RULES}
# Who shows the metrics of each part of the list, by the names that jobs begin with.
SHOWN_BY = {
    **{name: (name,) for name in ("gateway", "normalizer", "orchestrator", "inference")},
    "archiver": ("archiver",),
    "lake": ("orchestrator", "archiver"),
    "operations": ("watch",),
}
KUBELET = frozenset(name for name in READ if name.startswith("kubelet_"))
DISKS = frozenset(name for name in READ if name.startswith("watch_disk_"))
SDK = frozenset(name for name in READ if name.startswith("temporal_"))
FLINK = frozenset(name for name in READ if name.startswith("flink_jobmanager_"))


def own(jobs: set[str]) -> set[str]:
    return {
        name
        for each in OWN
        if any(job.startswith(SHOWN_BY[each.program]) for job in jobs)
        for name in each.series
        if name not in DISKS
    }


def in_compose(document: dict[str, Any]) -> set[str]:
    """Return the series that compose's Prometheus gets."""
    services = document["services"]
    scraped = yaml.safe_load(document["configs"]["prometheus"]["content"])["scrape_configs"]
    jobs = {each["job_name"]: each["static_configs"][0]["targets"][0] for each in scraped}
    found = own(set(jobs)) | {"up"}
    port = services["orchestrator"]["environment"].get("TEMPORAL_METRICS_PORT")
    if jobs.get("orchestrator-temporal") == f"orchestrator:{port}":
        found |= SDK
    if "flink-jobmanager" in jobs:
        found |= FLINK
    mounts = services["watch"]["environment"].get("WATCH_MOUNTS", "")
    if mounts and "watch" in jobs:
        found |= DISKS
    return found


def in_cluster(found: list[dict[str, Any]]) -> set[str]:
    """Return the series that a cluster's Prometheus gets; kubelet's are always there."""
    (monitor,) = (each["spec"] for each in found if each["kind"] == "ServiceMonitor")
    (pod_monitor,) = (each["spec"] for each in found if each["kind"] == "PodMonitor")
    (policy,) = (each for each in found if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == "payments")
    admitted = {port["port"] for rule in policy["spec"]["ingress"] for port in rule.get("ports", [])}
    ports = {each["port"] for each in monitor["endpoints"]}
    shown = set(KUBELET) | {"up"}
    for name, pod in pods(found).items():
        variables = {each["name"]: each.get("value") for container in pod["containers"] for each in container["env"]}
        open_ = {each["name"]: each["containerPort"] for each in pod["containers"][0].get("ports", [])}
        services = [each for each in found if each["kind"] == "Service" and each["metadata"]["name"] == name]
        reached = {
            each["targetPort"]
            for service in services
            for each in service["spec"]["ports"]
            if each["name"] in ports and open_.get(each["targetPort"]) in admitted
        }
        if "http" in reached:
            shown |= own({name.removeprefix("payments-")})
        if "sdk" in reached and variables.get("TEMPORAL_METRICS_PORT") == str(open_["sdk"]) and "worker" in name:
            shown |= SDK
    if {each["port"] for each in pod_monitor["podMetricsEndpoints"]} == {"metrics"}:
        shown |= FLINK
    return shown


def test_rules_read_what_is_told_apart_here() -> None:
    assert all((KUBELET, DISKS, SDK, FLINK))


def test_compose_has_a_source_of_every_series() -> None:
    # There is no kubelet; the disks of volumes are looked at by `payments watch`.
    assert READ - KUBELET - in_compose(yaml.safe_load(FILE.read_text(encoding="utf-8"))) == set()


def test_a_cluster_has_a_source_of_every_series() -> None:
    # Nothing is mounted to be watched: the kubelet tells of every volume.
    found = resources(manifests.target(REPOSITORY).read_text(encoding="utf-8"))
    assert READ - DISKS - in_cluster(found) == set()


def test_disks_that_compose_watches_are_mounted_and_only_looked_at() -> None:
    watch = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]["watch"]
    watched = dict(each.split("=") for each in watch["environment"]["WATCH_MOUNTS"].split(","))
    mounted = dict(each.split(":", 1) for each in watch["volumes"])
    assert {f"{path}:ro" for path in watched.values()} == set(mounted.values())
    assert {"postgres", "minio", "kafka-1", "kafka-2", "kafka-3"} <= set(mounted)


@pytest.mark.parametrize("lost", ["TEMPORAL_METRICS_PORT", "WATCH_MOUNTS"])
def test_a_setting_that_is_lost_is_noticed(lost: str) -> None:
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for each in document["services"].values():
        if isinstance(each.get("environment"), dict):
            each["environment"].pop(lost, None)
    assert READ - KUBELET - in_compose(document) in (SDK, DISKS)


def test_an_alert_knows_every_job_of_compose() -> None:
    scraped = yaml.safe_load(yaml.safe_load(FILE.read_text(encoding="utf-8"))["configs"]["prometheus"]["content"])
    jobs = {each["job_name"] for each in scraped["scrape_configs"]}
    assert {job for job in jobs if not re.fullmatch(JOBS, job)} == set()
    assert {each for each in EVERYWHERE if not any(re.fullmatch(each, job) for job in jobs)} == set()


def test_files_of_rules_are_in_the_place_that_compose_mounts() -> None:
    volumes = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]["prometheus"]["volumes"]
    place = next(each.split(":")[0] for each in volumes if "rules" in each)
    assert list((FILE.parent / Path(place)).glob("*.yaml"))
