"""All tools of the stack, by name."""

from dataclasses import dataclass
from pathlib import Path

from stack.places import Places
from stack.settings import ObjectStore
from stack.tools.golang import GoTool
from stack.tools.installation import Tool
from stack.tools.maven import MavenTool
from stack.tools.wheels import WheelTool


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that the servers are started from."""

    temporal: GoTool
    temporal_ui: GoTool
    prometheus: GoTool
    alertmanager: GoTool
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
            self.temporal,
            self.object_store,
            self.temporal_ui,
            self.prometheus,
            self.alertmanager,
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
            places, "minio", "github.com/minio/minio", {"minio": "github.com/minio/minio"}, golang
        ),
    }
    return Toolbox(
        temporal=GoTool(
            places,
            "temporal",
            "go.temporal.io/server",
            {
                "temporal-server": "go.temporal.io/server/cmd/server",
                "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
            },
            golang,
        ),
        temporal_ui=GoTool(
            places,
            "temporal-ui",
            "github.com/temporalio/ui-server/v2",
            {"temporal-ui-server": "github.com/temporalio/ui-server/v2/cmd/server"},
            golang,
        ),
        prometheus=GoTool(
            places,
            "prometheus",
            "github.com/prometheus/prometheus",
            {
                "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
                "promtool": "github.com/prometheus/prometheus/cmd/promtool",
            },
            golang,
            # Discovery of targets in clouds, which is most of the program; here they are written down.
            ("remove_all_sd",),
        ),
        # The last whose module holds its pages: from 0.32 on they are built by Node.js.
        alertmanager=GoTool(
            places,
            "alertmanager",
            "github.com/prometheus/alertmanager",
            {"alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager"},
            golang,
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
