"""Kubernetes: topics and users as resources of the Strimzi operator, in `k8s/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.emit.kafka import config
from codegen.services import matches
from codegen.text import dumped_yaml, notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, Topic

# The Kafka resource whose topic operator makes the topics; an overlay may set another label.
_CLUSTER = "payments"
_HEADER = f"""{notice("contracts/topics")}
KafkaTopic resources of Strimzi: https://strimzi.io/docs/operators/latest/configuring#type-KafkaTopic-reference.
Replicas are those of the topic's contract; one fewer must be in sync, so that one broker may be away while producers
with acks=all go on. Set the label strimzi.io/cluster to the name of your Kafka resource."""


_USERS_HEADER = f"""{notice("contracts/services.yaml, contracts/topics")}
KafkaUser resources of Strimzi: one for each service that is at Kafka, who may do what the contracts say and
no more. Groups and transactions of a service begin with its name."""


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield one file with a resource for each topic, and one with a resource for each service that is at Kafka."""
    yield dumped_yaml("k8s/kafka-topics.yaml", _HEADER, *(resource(topic) for topic in catalog.topics))
    users = [user(catalog, name) for name in sorted(catalog.services.services)]
    yield dumped_yaml(
        "k8s/kafka-users.yaml", _USERS_HEADER, *(each for each in users if each["spec"]["authorization"]["acls"])
    )


def resource_name(topic: Topic) -> str:
    """Return a topic's name as Kubernetes takes it: lower-case letters and hyphens (RFC 1123).

    Topic contracts have letters and dots in their names only, so that no two become one.
    """
    return topic.name.replace(".", "-")


def resource(topic: Topic) -> dict[str, Any]:
    """Return the KafkaTopic of a topic."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": resource_name(topic),
            "labels": {
                **_labels(topic.owner),
                **({"payments/provider": topic.provider.replace("_", "-")} if topic.provider else {}),
            },
            "annotations": {"payments/description": topic.description, "payments/record": topic.record},
        },
        "spec": {
            "topicName": topic.name,
            "partitions": topic.partitions,
            "replicas": topic.replicas,
            "config": {**config(topic), "min.insync.replicas": topic.min_insync_replicas},
        },
    }


def user(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return the KafkaUser of a service: it may read, write and observe the topics that its contract names."""
    service = catalog.services.services[name]
    reads, writes, offsets, records = (
        [topic.name for topic in catalog.topics if any(matches(pattern, topic.name) for pattern in patterns)]
        for patterns in (
            service.reads["topics"],
            service.writes["topics"],
            service.observes.get("offsets", ()),
            service.observes.get("records", ()),
        )
    )
    acls = [_allowed("topic", topic, "literal", "Describe", "Read") for topic in reads]
    if reads:
        acls += [_allowed("group", prefix, "prefix", "Describe", "Read") for prefix in (name, f"payments-{name}")]
    acls += [_allowed("topic", topic, "literal", "Describe", "Write") for topic in writes]
    if writes:
        acls.append(_allowed("transactionalId", name, "prefix", "Describe", "Write"))
    acls += [_allowed("topic", topic, "literal", "Describe", "Read") for topic in records]
    acls += [_allowed("topic", topic, "literal", "Describe") for topic in offsets]
    acls += [_allowed("group", other, "prefix", "Describe") for other in service.observes.get("groups", ())]
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {
            "name": f"payments-{name}",
            "labels": _labels(service.owner),
            "annotations": {"payments/description": service.description},
        },
        "spec": {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": acls}},
    }


def _labels(owner: str) -> dict[str, str]:
    return {"strimzi.io/cluster": _CLUSTER, "app.kubernetes.io/part-of": "payments", "payments/owner": owner}


def _allowed(kind: str, name: str, pattern: str, *operations: str) -> dict[str, Any]:
    return {
        "resource": {"type": kind, "name": name, "patternType": pattern},
        "operations": list(operations),
        "host": "*",
    }
