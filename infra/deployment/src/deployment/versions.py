"""Which images: of the versions that the local stack runs, where it runs the same server."""

from dataclasses import dataclass
from pathlib import Path

from stack.places import Places
from stack.settings import ObjectStore
from stack.tools.catalogue import ALERTMANAGER, PROMETHEUS, TEMPORAL, TEMPORAL_UI, toolbox

REGISTRY = "${PAYMENTS_REGISTRY:-payments}"
TAG = "${PAYMENTS_TAG:-0.1.0}"


@dataclass(frozen=True, slots=True)
class Images:
    """Images of others, with their tags."""

    kafka: str
    registry: str
    temporal: str
    temporal_tools: str
    temporal_ui: str
    trino: str
    prometheus: str
    alertmanager: str
    postgres: str = "docker.io/library/postgres:18.1"
    minio: str = "docker.io/minio/minio:RELEASE.2025-09-07T16-13-09Z"
    minio_client: str = "docker.io/minio/mc:RELEASE.2025-08-13T08-35-41Z"
    polaris: str = "docker.io/apache/polaris:1.2.0-incubating"
    polaris_tools: str = "docker.io/apache/polaris-admin-tool:1.2.0-incubating"
    curl: str = "docker.io/curlimages/curl:8.16.0"
    grafana: str = "docker.io/grafana/grafana:11.6.4"


def ours(target: str) -> str:
    """Return the image of a target of infra/images/Dockerfile."""
    return f"{REGISTRY}/{target}:{TAG}"


def images(repository: Path) -> Images:
    """Return the images whose versions poms and go.mod files of the local stack pin."""
    nowhere = Path()
    tools = toolbox(Places(repository, cache=nowhere, state=nowhere), nowhere, ObjectStore.SEAWEEDFS)
    temporal = tools.servers.version(TEMPORAL).removeprefix("v")
    return Images(
        kafka=f"docker.io/apache/kafka:{tools.kafka.version()}",
        registry=f"docker.io/apicurio/apicurio-registry:{tools.registry.version()}",
        temporal=f"docker.io/temporalio/server:{temporal}",
        temporal_tools=f"docker.io/temporalio/admin-tools:{temporal}",
        temporal_ui=f"docker.io/temporalio/ui:{tools.servers.version(TEMPORAL_UI).removeprefix('v')}",
        trino=f"docker.io/trinodb/trino:{tools.trino.version()}",
        prometheus=f"docker.io/prom/prometheus:{_release(tools.servers.version(PROMETHEUS))}",
        alertmanager=f"docker.io/prom/alertmanager:{tools.servers.version(ALERTMANAGER)}",
    )


def _release(module: str) -> str:
    """Return the release of Prometheus that a version of its Go module is: v0.316.0 is v3.16.0."""
    _, middle, patch = module.removeprefix("v").split(".")
    major, minor = divmod(int(middle), 100)
    return f"v{major}.{minor}.{patch}"
