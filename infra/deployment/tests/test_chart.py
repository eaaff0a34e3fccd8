"""The chart as it was rendered, without Helm: check_chart.py has the tests that need it."""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from kit.settings import EnvironmentSettings
from monitoring.jobs import EVERYWHERE, JOBS
from monitoring.release import RELEASE, VOLUMES, of_release
from monitoring.rules import files as rule_files
from payments_contracts.topics import topics_of

from deployment import manifests, neighbours
from deployment.__main__ import REPOSITORY

from .kubernetes import FOREIGN, pods, problems, resources
from .programs import IN_IMAGES, SETTINGS

CHART = manifests.chart(REPOSITORY)
TEXT = manifests.target(REPOSITORY).read_text(encoding="utf-8")
RESOURCES = resources(TEXT)
PODS = pods(RESOURCES)
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [each for each in RESOURCES if each["kind"] == kind]


def test_the_manifests_were_rendered_from_the_chart_as_it_is() -> None:
    assert manifests.digest_of(TEXT) == manifests.digest(CHART), "run `.venv/bin/python -m deployment manifests`"


def test_a_change_of_what_a_link_leads_to_is_seen(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    rule = tmp_path / "rules" / "a.yaml"
    rule.write_text("a", encoding="utf-8")
    folder = tmp_path / "chart"
    folder.mkdir()
    (folder / "rules").symlink_to(rule.parent)
    before = manifests.digest(folder)
    rule.write_text("b", encoding="utf-8")
    assert manifests.digest(folder) != before


def test_values_for_the_charts_of_others_are_as_they_are_written() -> None:
    for path, text in neighbours.files(REPOSITORY).items():
        assert path.read_text(encoding="utf-8") == text, f"run `.venv/bin/python -m deployment`: {path.name}"


def test_kubernetes_schemas_take_the_manifests_and_refuse_what_is_wrong() -> None:
    assert problems(RESOURCES) == []
    assert {each["apiVersion"] for each in RESOURCES} & FOREIGN
    planted = copy.deepcopy(of_kind("Deployment")[0])
    planted["spec"]["template"]["spec"]["containers"][0]["port"] = 1
    assert problems([planted]) != []


def test_the_chart_has_all_that_a_cluster_is_to_have() -> None:
    assert {each["kind"] for each in RESOURCES} >= {
        "Deployment",
        "FlinkDeployment",
        "HorizontalPodAutoscaler",
        "Job",
        "Kafka",
        "KafkaNodePool",
        "KafkaTopic",
        "KafkaUser",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "ServiceMonitor",
    }


def test_the_values_keep_to_their_schema_and_a_misspelt_one_is_refused() -> None:
    check = jsonschema.Draft7Validator(SCHEMA)
    assert list(check.iter_errors(VALUES)) == []
    for path, value in (
        (("kafka", "bootstrapServer"), "x"),
        (("providers",), []),
        (("image", "digests"), {"gateway": "latest"}),
        (("image", "tags"), {"gatway": "0.1.0"}),
        (("image", "tags"), {"gateway": ":0.1.0"}),
        (("gateway", "replicas"), 0),
    ):
        wrong = copy.deepcopy(VALUES)
        place = wrong
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        assert list(check.iter_errors(wrong)), path


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_has_no_rights_and_no_secret_in_its_text(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {each["topologyKey"] for each in pod["topologySpreadConstraints"]} == set(VALUES["topologySpread"])
    for each in pod["containers"]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each["resources"]["limits"]["memory"]
        for variable in each["env"]:
            if any(part in variable["name"] for part in ("SECRET", "PASSWORD", "CREDENTIAL", "ACCESS_KEY", "DSN")):
                assert variable["name"] == "WEBHOOK_SECRETS_FILE" or "secretKeyRef" in variable["valueFrom"]


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in SETTINGS.items() for kind in kinds], ids=str
)
def test_a_program_finds_every_setting_that_it_needs(
    name: str, kind: type[EnvironmentSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {each["name"]: each.get("value", "id:s3cret") for each in PODS[name]["containers"][0]["env"]}
    for variable, value in (IN_IMAGES | environment).items():
        monkeypatch.setenv(variable, value)
    assert isinstance(kind(), kind)


def test_every_pod_is_one_of_those_programs() -> None:
    assert set(PODS) == set(SETTINGS)


def test_names_of_selectors_are_those_of_pods() -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in of_kind("Deployment")]
    selectors = [each["spec"]["selector"] for each in of_kind("Service")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in of_kind("PodDisruptionBudget")]
    assert selectors
    for selector in selectors:
        assert sum(selector.items() <= each.items() for each in labels) == 1, selector
    deployments = {each["metadata"]["name"] for each in of_kind("Deployment")}
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind("HorizontalPodAutoscaler")}
    assert scaled <= deployments
    # What something scales says no number itself: an upgrade would put it back.
    assert {each["metadata"]["name"] for each in of_kind("Deployment") if "replicas" not in each["spec"]} == scaled


def test_what_there_may_be_one_of_is_never_started_beside_itself() -> None:
    single = {
        each["metadata"]["name"]
        for each in of_kind("Deployment")
        if each["spec"].get("strategy") == {"type": "Recreate"} and each["spec"]["replicas"] == 1
    }
    alone = ("orchestrator-committer", "archiver", "watch", "dagster", "normalizer-stripe", "normalizer-square")
    assert single == {f"payments-{name}" for name in alone}


def test_each_provider_has_a_gateway_a_normalizer_and_a_flink_that_the_normalizer_knows() -> None:
    for provider in ("stripe", "square"):
        variables = {each["name"]: each for each in PODS[f"payments-normalizer-{provider}"]["containers"][0]["env"]}
        (cluster,) = (each for each in of_kind("FlinkDeployment") if each["metadata"]["name"].endswith(provider))
        assert variables["FLINK_URL"]["value"] == f"http://{cluster['metadata']['name']}-rest:8081"
        assert cluster["spec"]["image"] == PODS[f"payments-normalizer-{provider}"]["containers"][0]["image"]
        assert cluster["spec"]["flinkConfiguration"]["execution.checkpointing.dir"].startswith("s3://")


def test_topics_are_those_of_the_contracts_for_the_providers_and_outlive_the_release() -> None:
    found = {each["spec"]["topicName"]: each for each in of_kind("KafkaTopic")}
    expected = {topic.name: topic for topic in topics_of("stripe,square")}
    assert found.keys() == expected.keys()
    for name, topic in expected.items():
        spec = found[name]["spec"]
        assert (spec["partitions"], spec["replicas"]) == (topic.partitions, topic.replicas)
        assert spec["config"]["min.insync.replicas"] == topic.min_insync_replicas
        assert found[name]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    (cluster,) = of_kind("Kafka")
    assert cluster["spec"]["kafka"]["config"]["min.insync.replicas"] == 2


def test_rules_are_those_of_the_monitoring() -> None:
    written = {Path(name).stem: text for name, text in rule_files(of_release)}
    rules = {each["metadata"]["name"].removeprefix("payments-"): each["spec"] for each in of_kind("PrometheusRule")}
    assert rules.keys() == written.keys()
    for name, text in written.items():
        own = text.replace(RELEASE, "payments").replace(VOLUMES, "payments")
        assert rules[name]["groups"] == yaml.safe_load(own)["groups"]


def test_every_job_of_the_chart_is_one_that_an_alert_knows_and_nobody_elses_is() -> None:
    (monitor,) = of_kind("ServiceMonitor")
    excluded = {"dagster"}
    names = {
        each["metadata"]["labels"]["app.kubernetes.io/name"]
        for each in of_kind("Service")
        if "payments/replicas" not in each["metadata"]["labels"]
    } - excluded
    assert monitor["spec"]["selector"]["matchExpressions"][0]["values"] == sorted(excluded)
    jobs = names | {f"{name}-temporal" for name in names if name.startswith("orchestrator-w")}
    jobs |= {"flink-jobmanager", "flink-taskmanager"}
    assert {job for job in jobs if not re.fullmatch(JOBS, job)} == set()
    assert {each for each in EVERYWHERE if not any(re.fullmatch(each, job) for job in jobs)} == set()
    assert not any(re.fullmatch(JOBS, job) for job in ("node-exporter", "kubelet", "apiserver", "my-gateway"))


def test_the_audit_finds_every_replica_of_a_gateway() -> None:
    services = {each["metadata"]["name"]: each for each in of_kind("Service")}
    (monitor,) = of_kind("ServiceMonitor")
    left_out = [each["key"] for each in monitor["spec"]["selector"]["matchExpressions"] if each["operator"] != "NotIn"]
    for pod in ("payments-dagster", "payments-watch"):
        variables = {each["name"]: each.get("value") for each in PODS[pod]["containers"][0]["env"]}
        for provider in ("stripe", "square"):
            host, _, port = variables[f"GATEWAY_{provider.upper()}_URL"].removeprefix("http://").partition(":")
            service = services[host]
            assert service["spec"]["clusterIP"] == "None"
            assert service["spec"]["selector"]["app.kubernetes.io/name"] == f"gateway-{provider}"
            assert str(service["spec"]["ports"][0]["port"]) == port
            # Scraped by the other Service alone.
            assert set(left_out) <= set(service["metadata"]["labels"])


def test_the_operator_is_told_which_flink_the_image_has() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    ((major, minor),) = re.findall(r'"apache-flink==(\d+)\.(\d+)\.', project)
    assert {each["spec"]["flinkVersion"] for each in of_kind("FlinkDeployment")} == {f"v{major}_{minor}"}


def test_a_program_reaches_a_collector_and_an_alertmanager_of_another_namespace() -> None:
    assert {4317, 4318, 9093} <= set(VALUES["networkPolicy"]["egressPorts"])
    host = urlsplit(VALUES["monitoring"]["alertmanagerUrl"]).hostname or ""
    namespace = VALUES["networkPolicy"]["monitoringNamespace"]["kubernetes.io/metadata.name"]
    assert host.split(".")[1:] == [namespace, "svc"]


def test_without_helm_the_documented_command_leaves_no_placeholder_of_an_image() -> None:
    documented = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^sed '(.+)' infra/k8s/payment-pipeline.yaml > mine.yaml$", documented, re.MULTILINE)
    done = subprocess.run(["sed", script], input=TEXT, capture_output=True, text=True, check=True)
    made = re.findall(r"image: (\S+)", done.stdout)
    assert made
    assert all(each.startswith("registry.my.org/payments/") and each.endswith(":0.2.0") for each in made)
    assert "webhooks.example.com" not in done.stdout
    (selected,) = re.findall(r"name in \((.+)\)'$", documented, re.MULTILINE)
    assert {f"payments-{name}" for name in selected.split(",")} == {each["metadata"]["name"] for each in of_kind("Job")}


def test_migrations_are_hooks_and_come_in_order() -> None:
    jobs = {each["metadata"]["name"]: each["metadata"]["annotations"] for each in of_kind("Job")}
    order = sorted(jobs, key=lambda name: int(jobs[name]["helm.sh/hook-weight"]))
    assert order == ["payments-deploy-schemas", "payments-deploy-tables", "payments-deploy-database"]
    assert all("pre-upgrade" in each["helm.sh/hook"] for each in jobs.values())
