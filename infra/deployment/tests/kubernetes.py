"""Manifests, checked as an API server's schemas would."""

from typing import Any

import kubernetes_validate
import yaml

VERSION = "1.33"
# Of operators, whose schemas are not among those of Kubernetes.
FOREIGN = {
    "flink.apache.org/v1beta1",
    "kafka.strimzi.io/v1",
    "keda.sh/v1alpha1",
    "monitoring.coreos.com/v1",
}


def given(*values: str) -> tuple[str, ...]:
    return tuple(part for value in values for part in ("--set", value))


# Servers that ask who somebody is, and whose certificates a private authority signed.
SECURED = given(
    "kafka.bootstrapServers=payments-kafka-bootstrap:9093",
    "kafka.security.protocol=SASL_SSL",
    "kafka.security.caSecretName=payments-cluster-ca-cert",
    "kafka.strimzi.authorization=true",
    "registry.security.secretName=registry",
    "registry.security.caSecretName=registry-ca",
    "temporal.security.tls=true",
    "temporal.security.caSecretName=temporal-ca",
    "temporal.security.clientSecretName=temporal-client",
    "temporal.security.apiKeySecretName=temporal-key",
    "temporal.security.serverName=temporal.example.com",
    "trino.security.tls=true",
    "trino.security.caSecretName=trino-ca",
    "trino.security.passwordSecretName=trino",
    "postgres.caSecretName=postgres-ca",
)
EVERYTHING = SECURED + given(
    "keda.enabled=true",
    "gateway.ingress.enabled=true",
    "nodeSelector.pool=payments",
    "image.pullSecrets[0].name=pull",
    "env.A=b",
    "catalog.tokenUrl=https://identity.example.com/token",
    "analytics.storage.class=fast",
)
LITTLE = given(
    "kafka.strimzi.enabled=false",
    "kafka.brokers=1",
    "catalog.credential.secretName=",
    "gateway.autoscaling.enabled=false",
    "podDisruptionBudget.enabled=false",
    "networkPolicy.enabled=false",
    "monitoring.rules.enabled=false",
    "monitoring.serviceMonitor.enabled=false",
    "analytics.enabled=false",
)


def resources(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def problems(manifests: list[dict[str, Any]]) -> list[str]:
    """Return what the strict schemas say of resources of Kubernetes itself."""
    found = []
    for each in manifests:
        if each["apiVersion"] in FOREIGN:
            continue
        try:
            kubernetes_validate.validate(each, VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{each['kind']} {each['metadata']['name']}: {error.message}")
    return found


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the pod specifications of Deployments and Jobs, by name."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in manifests
        if each["kind"] in {"Deployment", "Job"}
    }
