"""All tools of the stack, by name."""

from dataclasses import dataclass
from pathlib import Path

from stack.places import Places
from stack.settings import ObjectStore
from stack.tools.golang import GoTool
from stack.tools.installation import Tool
from stack.tools.maven import MavenTool
from stack.tools.wheels import WheelTool

# Go modules of one go.mod: the releases whose requirements lie closest together, so that little is compiled twice. From
# 0.32 on the Alertmanager's pages are not in its module.
TEMPORAL = "go.temporal.io/server"
TEMPORAL_UI = "github.com/temporalio/ui-server/v2"
PROMETHEUS = "github.com/prometheus/prometheus"
ALERTMANAGER = "github.com/prometheus/alertmanager"

# Two fifths of all that would be compiled.
_UNNEEDED = {
    PROMETHEUS: (
        # It helps tests and is not a test to Go: it brings a validator of OpenAPI.
        "web/api/v1/test_helpers.go",
        # promtool asks whether a target is one of Kubernetes, and brings all of its client for that.
        *(
            f"discovery/kubernetes/{name}.go"
            for name in ("endpoints", "endpointslice", "ingress", "kubernetes", "metrics", "node", "pod", "service")
        ),
    ),
    # Workers that Temporal starts in clouds.
    "go.temporal.io/auto-scaled-workers": tuple(
        f"wci/workflow/compute_provider/{name}.go"
        for name in ("aws", "aws_agentcore", "aws_ecs", "aws_lambda", "gcp", "gcp_cloudrun", "k8s")
    ),
    TEMPORAL: (
        # What drives SQLite, which is compiled from C.
        "common/persistence/sql/sqlplugin/sqlite/driver.go",
        # Archives of workflows in Google's storage.
        *(
            f"common/archiver/gcloud/connector/{name}.go"
            for name in ("client", "client_delegate", "client_delegate_mock", "client_mock")
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that the servers are started from."""

    servers: GoTool
    kafka: MavenTool
    registry: MavenTool
    catalog: MavenTool
    trino: MavenTool
    trino_iceberg: MavenTool
    flink_connectors: MavenTool
    postgres: WheelTool
    object_store: GoTool | WheelTool

    def all(self) -> tuple[Tool, ...]:
        """Return every tool, in the order to start with: what is compiled or may be, then the largest downloads."""
        return (
            self.servers,
            self.object_store,
            self.trino_iceberg,
            self.trino,
            self.flink_connectors,
            self.catalog,
            self.registry,
            self.kafka,
            self.postgres,
        )

    def missing(self) -> list[str]:
        """Return the names of the tools that are not installed."""
        return [tool.name for tool in self.all() if not tool.target().is_dir()]


def toolbox(places: Places, java_home: Path, object_store: ObjectStore) -> Toolbox:
    """Return the tools for these places, with those of the chosen object store alone."""
    golang = WheelTool(places, "go")
    stores: dict[ObjectStore, GoTool | WheelTool] = {
        ObjectStore.SEAWEEDFS: WheelTool(places, "seaweedfs"),
        ObjectStore.MINIO: GoTool(
            places, "minio", ("github.com/minio/minio",), {"minio": "github.com/minio/minio"}, golang
        ),
    }
    return Toolbox(
        servers=GoTool(
            places,
            "servers",
            (TEMPORAL, TEMPORAL_UI, PROMETHEUS, ALERTMANAGER),
            {
                "temporal-server": f"{TEMPORAL}/cmd/server",
                "temporal-sql-tool": f"{TEMPORAL}/cmd/tools/sql",
                "prometheus": f"{PROMETHEUS}/cmd/prometheus",
                "promtool": f"{PROMETHEUS}/cmd/promtool",
                "alertmanager": f"{ALERTMANAGER}/cmd/alertmanager",
                "temporal-ui-server": f"{TEMPORAL_UI}/cmd/server",
            },
            golang,
            # Prometheus' discovery of targets in clouds, which is most of it; here they are written down.
            ("remove_all_sd",),
            _UNNEEDED,
        ),
        kafka=MavenTool(places, "kafka", java_home),
        registry=MavenTool(places, "registry", java_home, unpack=True),
        catalog=MavenTool(places, "catalog", java_home, source="CatalogMain"),
        trino=MavenTool(places, "trino", java_home, source="TrinoMain"),
        trino_iceberg=MavenTool(places, "trino-iceberg", java_home, plugin="io.trino.plugin.iceberg.IcebergPlugin"),
        flink_connectors=MavenTool(places, "flink-connectors", java_home),
        postgres=WheelTool(places, "postgres"),
        object_store=stores[object_store],
    )
