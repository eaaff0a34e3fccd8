"""The topics as Kubernetes takes them, and the labels of metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml
from codegen.emit import k8s
from codegen.loader import load
from payments_contracts import labels, rules, topics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.model import Catalog

# RFC 1123, as the Kubernetes API server checks the names of most resources.
RESOURCE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?")


def test_every_topic_is_a_resource_with_a_name_that_kubernetes_takes(project: Catalog) -> None:
    file, _ = k8s.emit(project)
    resources = list(yaml.safe_load_all(file.content))
    assert {each["apiVersion"] + each["kind"] for each in resources} == {"kafka.strimzi.io/v1KafkaTopic"}
    names = [each["metadata"]["name"] for each in resources]
    assert len(set(names)) == len(names)
    assert all(RESOURCE_NAME.fullmatch(name) for name in names)
    by_topic = {each["spec"]["topicName"]: each["spec"] for each in resources}
    assert by_topic.keys() == {topic.name for topic in topics.TOPICS}
    for topic in topics.TOPICS:
        spec = by_topic[topic.name]
        assert spec["partitions"] == topic.partitions
        assert spec["config"]["retention.ms"] == topic.retention_ms
        assert spec["config"]["segment.ms"] == topic.segment_ms
        assert spec["config"]["cleanup.policy"] == "delete"


def test_one_broker_may_be_away_unless_the_contract_has_one_copy_only(
    contracts: Path, edit: Callable[[str, str, str], None]
) -> None:
    edit("topics/payments.normalized.yaml", "partitions: 4\n", "partitions: 4\nreplicas: 1\n")
    file, _ = k8s.emit(load(contracts))
    found = {
        each["spec"]["topicName"]: (each["spec"]["replicas"], each["spec"]["config"]["min.insync.replicas"])
        for each in yaml.safe_load_all(file.content)
    }
    assert found == {
        "payments.acme.raw": (3, 2),
        "payments.normalized": (1, 1),
        "payments.validation.dlq": (3, 2),
    }


def test_a_service_may_do_at_kafka_what_its_contract_says_and_no_more(project: Catalog) -> None:
    _, file = k8s.emit(project)
    resources = {each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all(file.content)}
    by_service = {
        name.removeprefix("payments-"): {
            operation: {
                acl["resource"]["name"]
                for acl in spec["authorization"]["acls"]
                if acl["resource"]["type"] == "topic" and operation in acl["operations"]
            }
            for operation in ("Read", "Write")
        }
        for name, spec in resources.items()
    }
    assert {acl["resource"]["patternType"] for spec in resources.values() for acl in spec["authorization"]["acls"]} == {
        "literal",
        "prefix",
    }
    for topic in topics.TOPICS:
        # What a topic's contract says of its producers and consumers is what the users may do.
        assert {name for name, may in by_service.items() if topic.name in may["Write"]} >= set(topic.producers)
        assert {name for name, may in by_service.items() if topic.name in may["Read"]} >= set(topic.consumers)
    assert "inference" not in by_service
    assert by_service["analytics"] == {"Read": set(), "Write": set()}
    assert by_service["gateway"]["Read"] == set()
    assert topics.NORMALIZED.name not in by_service["gateway"]["Write"]


def test_a_service_may_look_at_what_it_observes_in_kafka(project: Catalog) -> None:
    acls = {
        name: {
            (acl["resource"]["type"], acl["resource"]["name"]): acl["operations"]
            for acl in k8s.user(project, name)["spec"]["authorization"]["acls"]
        }
        for name in ("analytics", "normalizer", "operations")
    }
    assert acls["normalizer"]["topic", topics.VALIDATION_DLQ.name] == ["Describe", "Read"]
    assert acls["analytics"]["topic", topics.NORMALIZED.name] == ["Describe"]
    for name in ("analytics", "operations"):
        assert [acls[name]["group", each] for each in ("normalizer", "orchestrator", "archiver")] == [["Describe"]] * 3


def test_labels_are_the_contracts_closed_sets(project: Catalog) -> None:
    assert set(labels.PROVIDERS) == {each.name for each in project.providers}
    assert set(labels.TOPICS) == {topic.name for topic in topics.TOPICS}
    assert set(labels.TABLES) == {table.identifier for table in project.tables}
    assert set(labels.VALIDATION_REASONS) == rules.REASON_CODES
    assert set(labels.INGESTION_REASONS) == rules.INGESTION_REASON_CODES
    assert "payment.succeeded" in labels.EVENT_TYPES
    assert "payment_intent.succeeded" in labels.PROVIDER_EVENT_TYPES
