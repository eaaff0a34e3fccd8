"""Kubernetes: the topics as resources of the Strimzi operator, `k8s/kafka-topics.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.emit.kafka import config
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


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield one file with a resource for each topic."""
    yield dumped_yaml("k8s/kafka-topics.yaml", _HEADER, *(resource(topic) for topic in catalog.topics))


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
                "strimzi.io/cluster": _CLUSTER,
                "app.kubernetes.io/part-of": "payments",
                "payments/owner": topic.owner,
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
