"""Trino: SQL over the lake, with the Iceberg plugin alone."""

from collections.abc import Mapping
from pathlib import Path

from stack.context import BUCKET_LAKE, S3_REGION, Context
from stack.ports import LOOPBACK
from stack.processes import LOWEST, Group, Process
from stack.readiness import HttpReady

ENGINE = {
    "coordinator": "true",
    "node-scheduler.include-coordinator": "true",
    "query.max-memory": "800MB",
    "query.max-memory-per-node": "800MB",
    "memory.heap-headroom-per-node": "300MB",
    # What is kept of statements that have ended is heap, and a build has forty. The last hundred stay longer.
    "query.min-expire-age": "1m",
}
# The catalog of the layers, wherever it and the object store are.
LAKE = {
    "connector.name": "iceberg",
    "iceberg.catalog.type": "rest",
    "iceberg.rest-catalog.view-endpoints-enabled": "true",
    # Our tables keep hours of history, not the week that these guard by default.
    "iceberg.expire-snapshots.min-retention": "0s",
    "iceberg.remove-orphan-files.min-retention": "0s",
    # In which Silver keeps how far it has read Bronze (see dbt/macros/news).
    "iceberg.allowed-extra-properties": "news.sequence,news.rows,news.followed,news.generation,news.days,news.run",
    "fs.s3.enabled": "true",
    "s3.path-style-access": "true",
}
LOG_LEVELS = {"io.trino": "WARN", "io.airlift": "WARN", "org.apache.iceberg": "WARN"}


def lines(settings: Mapping[str, str]) -> str:
    """Return settings as a properties file."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def files(context: Context, directory: Path) -> dict[Path, str]:
    """Return Trino's configuration files."""
    ports, secrets = context.ports, context.secrets
    server = {
        **ENGINE,
        "http-server.http.port": str(ports.trino),
        "discovery.uri": context.url(ports.trino),
        "catalog.config-dir": str(directory / "catalog"),
        # Each directory in here is a plugin; the tool's only one is that of its jars.
        "plugin.dir": str(context.tools.trino_iceberg.target()),
        "node.environment": "local",
        "node.id": "local",
        "node.bind-ip": LOOPBACK,
        "node.internal-address": LOOPBACK,
        "log.levels-file": str(directory / "log.properties"),
    }
    lake = {
        **LAKE,
        "iceberg.rest-catalog.uri": context.url(ports.catalog),
        "iceberg.rest-catalog.warehouse": f"s3://{BUCKET_LAKE}/warehouse",
        "s3.endpoint": context.url(ports.object_store),
        "s3.region": S3_REGION,
        "s3.aws-access-key": secrets.s3_access_key_id.get_secret_value(),
        "s3.aws-secret-key": secrets.s3_secret_access_key.get_secret_value(),
    }
    texts = {
        directory / "config.properties": server,
        directory / "catalog" / "lake.properties": lake,
        directory / "log.properties": LOG_LEVELS,
    }
    return {path: lines(settings) for path, settings in texts.items()}


def items(context: Context) -> tuple[Process, ...]:
    """Return the coordinator, which is also the one worker."""
    directory = context.config("trino")
    home = context.tools.trino.target()
    # Decision 69: so small a heap has G1 mark all the time.
    options = (
        "--add-modules=jdk.incubator.vector",
        *("-Xmx1500m", "-Xmn256m", "-XX:+UseSerialGC"),
        "-XX:+ExitOnOutOfMemoryError",
    )
    return (
        Process(
            name="trino",
            group=Group.INFRASTRUCTURE,
            command=(
                context.java,
                *options,
                f"-Dconfig={directory / 'config.properties'}",
                "-cp",
                f"{home}/classes:{home}/jars/*",
                "TrinoMain",
                context.tools.trino.version(),
            ),
            directory=context.data("trino"),
            files=files(context, directory),
            ports=("trino",),
            ready=HttpReady(
                f"{context.url(context.ports.trino)}/v1/info",
                accept=lambda info: isinstance(info, dict) and info["starting"] is False,
            ),
            after={"catalog"},
            niceness_when_ready=LOWEST,
        ),
    )
