"""All tools of the stack, by name."""

from dataclasses import dataclass
from pathlib import Path

from stack.places import Places
from stack.tools.golang import GoTool
from stack.tools.installation import Tool
from stack.tools.maven import MavenTool
from stack.tools.wheels import WheelTool


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that the servers are started from."""

    temporal: GoTool
    temporal_ui: GoTool
    minio: GoTool
    kafka: MavenTool
    registry: MavenTool
    catalog: MavenTool
    trino: MavenTool
    trino_iceberg: MavenTool
    flink_connectors: MavenTool
    postgres: WheelTool

    def builds(self) -> tuple[GoTool, ...]:
        """Return what is compiled, the longest first."""
        return (self.temporal, self.minio, self.temporal_ui)

    def downloads(self) -> tuple[Tool, ...]:
        """Return what is only downloaded, the largest first."""
        return (
            self.trino_iceberg,
            self.trino,
            self.flink_connectors,
            self.catalog,
            self.registry,
            self.kafka,
            self.postgres,
        )

    def all(self) -> tuple[Tool, ...]:
        """Return every tool, in the order to start with."""
        return (*self.builds(), *self.downloads())

    def missing(self) -> list[str]:
        """Return the names of the tools that are not installed."""
        return [tool.name for tool in self.all() if not tool.target().is_dir()]


def toolbox(places: Places, java_home: Path) -> Toolbox:
    """Return the tools for these places."""
    golang = WheelTool(places, "go")
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
        minio=GoTool(places, "minio", "github.com/minio/minio", {"minio": "github.com/minio/minio"}, golang),
        kafka=MavenTool(places, "kafka", java_home),
        registry=MavenTool(places, "registry", java_home, unpack=True),
        catalog=MavenTool(places, "catalog", java_home, source="CatalogMain"),
        trino=MavenTool(places, "trino", java_home, source="TrinoMain"),
        trino_iceberg=MavenTool(places, "trino-iceberg", java_home, plugin="io.trino.plugin.iceberg.IcebergPlugin"),
        flink_connectors=MavenTool(places, "flink-connectors", java_home),
        postgres=WheelTool(places, "postgres"),
    )
