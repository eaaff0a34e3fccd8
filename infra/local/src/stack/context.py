"""What the definitions of processes are made from."""

from dataclasses import dataclass
from pathlib import Path

from stack.places import Places
from stack.ports import Ports, url
from stack.secrets import Secrets
from stack.settings import ObjectStore
from stack.tools.catalogue import Toolbox

BUCKET_LAKE = "lakehouse"
BUCKET_FLINK = "flink"
BUCKETS = (BUCKET_LAKE, BUCKET_FLINK)
TEMPORAL_NAMESPACE = "payments"
S3_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Context:
    """Places, ports, secrets, tools, the JDK, the choice of servers, how slow models are, where spans and runs go."""

    places: Places
    ports: Ports
    secrets: Secrets
    tools: Toolbox
    java_home: Path
    object_store: ObjectStore
    inference_latency_ms: str
    otlp_endpoint: str | None = None
    openlineage_url: str | None = None

    @property
    def java(self) -> str:
        """The `java` that all servers but Flink run on."""
        return str(self.java_home / "bin" / "java")

    def url(self, port: int) -> str:
        """Return the HTTP address of a port of this stack."""
        return url(port)

    def data(self, name: str) -> Path:
        """Return the data directory of a server."""
        return self.places.data / name

    def config(self, name: str) -> Path:
        """Return the directory of a server's rendered configuration."""
        return self.places.config / name
