"""Temporal: all four services in one process on Postgres, and its web interface."""

import json
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from psycopg import sql

from stack.context import TEMPORAL_NAMESPACE, Context
from stack.errors import StackError
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import HttpReady
from stack.servers import postgres
from stack.tools.catalogue import TEMPORAL

PLUGIN = "postgres12_pgx"
SCHEMAS = {
    "temporal": "postgresql/v12/temporal",
    "temporal_visibility": "postgresql/v12/visibility",
}
# What the web interface and this pipeline look workflows up by. The schema has an index for each of some seventy
# attributes that a workflow may carry, and each is written at every start and end of a workflow.
VISIBILITY_TABLE = "executions_visibility"
VISIBILITY_INDEXES = (
    "executions_visibility_pkey",
    "default_idx",
    "by_workflow_id",
    "by_workflow_type",
    "by_status",
    "by_task_queue",
    # What the orchestrator adds to the namespace: four keywords, which get the first four of the columns.
    "by_keyword_01",
    "by_keyword_02",
    "by_keyword_03",
    "by_keyword_04",
)
HISTORY_SHARDS = 4
RETENTION = "259200s"
NAMESPACE_SECONDS = 60
# Starts a workflow for each event of the topic that it reads.
STARTER = "orchestrator"
# Beside an event: its scores, and what the row says of them.
BESIDE_EVENT_BYTES = 131_072


def server_config(context: Context) -> str:
    """Return the server's configuration."""
    ports = context.ports

    def store(database: str, connections: int) -> dict[str, object]:
        return {
            "sql": {
                "pluginName": PLUGIN,
                "databaseName": database,
                "connectAddr": f"{LOOPBACK}:{ports.postgres}",
                "connectProtocol": "tcp",
                "user": "temporal",
                "password": context.secrets.temporal_password.get_secret_value(),
                "maxConns": connections,
                "maxIdleConns": connections,
                "maxConnLifetime": "1h",
            }
        }

    def service(grpc: int, membership: int, http: int | None = None) -> dict[str, object]:
        rpc: dict[str, object] = {"grpcPort": grpc, "membershipPort": membership, "bindOnLocalHost": True}
        return {"rpc": rpc if http is None else {**rpc, "httpPort": http}}

    config = {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "numHistoryShards": HISTORY_SHARDS,
            "datastores": {"default": store("temporal", 20), "visibility": store("temporal_visibility", 10)},
        },
        "global": {
            "membership": {"maxJoinDuration": "30s", "broadcastAddress": LOOPBACK},
            "metrics": {"prometheus": {"framework": "tally", "listenAddress": f"{LOOPBACK}:{ports.temporal_metrics}"}},
        },
        "services": {
            "frontend": service(ports.temporal, ports.temporal_membership, ports.temporal_http),
            "history": service(ports.temporal_history, ports.temporal_history_membership),
            "matching": service(ports.temporal_matching, ports.temporal_matching_membership),
            "worker": service(ports.temporal_worker, ports.temporal_worker_membership),
        },
        "clusterMetadata": {
            "enableGlobalNamespace": False,
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {
                "active": {
                    "enabled": True,
                    "initialFailoverVersion": 1,
                    "rpcName": "frontend",
                    "rpcAddress": f"{LOOPBACK}:{ports.temporal}",
                    "httpAddress": f"{LOOPBACK}:{ports.temporal_http}",
                }
            },
        },
        "dcRedirectionPolicy": {"policy": "noop"},
        "archival": {"history": {"state": "disabled"}, "visibility": {"state": "disabled"}},
        "publicClient": {"hostPort": f"{LOOPBACK}:{ports.temporal}"},
        "dynamicConfigClient": {
            "filepath": str(context.config("temporal") / "dynamic.yaml"),
            "pollInterval": "60s",
        },
    }
    return yaml.safe_dump(config, sort_keys=False)


def dynamic_config(context: Context) -> str:
    """Return the server's limits; raise StackError as `limits` does."""
    return limits(context.places.repository)


def limits(repository: Path) -> str:
    """Return the server's limits: what a workflow is started with is an event as JSON, and what it hands on a bit more.

    The number comes from the contract of the topic that the events are on; a character may take six bytes as JSON, but
    what is valid stays below a third of a message.

    Raises:
        StackError: The generated list of topics is absent.
    """
    file = repository / "generated" / "kafka" / "topics.json"
    try:
        topics = json.loads(file.read_text())["topics"]
    except FileNotFoundError:
        raise StackError(f"{file} does not exist: run `make codegen`.") from None
    largest = max(int(each["config"]["max.message.bytes"]) for each in topics if STARTER in each["consumers"])
    sizes = {"limit.blobSize.warn": largest, "limit.blobSize.error": 2 * largest + BESIDE_EVENT_BYTES}
    return yaml.safe_dump({name: [{"value": value}] for name, value in sizes.items()}, sort_keys=False)


def ui_config(context: Context) -> str:
    """Return the web interface's configuration."""
    return yaml.safe_dump(
        {
            "temporalGrpcAddress": f"{LOOPBACK}:{context.ports.temporal}",
            "host": LOOPBACK,
            "port": context.ports.temporal_ui,
            "enableUi": True,
            "defaultNamespace": TEMPORAL_NAMESPACE,
            "cors": {"allowOrigins": [context.url(context.ports.temporal_ui)]},
        }
    )


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return schema, server, namespace and web interface."""
    ports = context.ports
    config = context.config("temporal")
    ui = context.config("temporal-ui")
    programs = context.tools.servers.target()
    server = Process(
        name="temporal",
        group=Group.INFRASTRUCTURE,
        command=(
            str(programs / "temporal-server"),
            "--config-file",
            str(config / "server.yaml"),
            "--allow-no-auth",
            "start",
        ),
        files={config / "server.yaml": server_config(context), config / "dynamic.yaml": dynamic_config(context)},
        ports=(
            "temporal",
            "temporal_history",
            "temporal_matching",
            "temporal_worker",
            "temporal_http",
            "temporal_metrics",
            "temporal_membership",
            "temporal_history_membership",
            "temporal_matching_membership",
            "temporal_worker_membership",
        ),
        ready=HttpReady(f"{context.url(ports.temporal_http)}/api/v1/cluster-info"),
        after={"temporal-indexes"},
    )
    interface = Process(
        name="temporal-ui",
        group=Group.INFRASTRUCTURE,
        command=(
            str(context.tools.servers.target() / "temporal-ui-server"),
            "--root",
            str(ui),
            "--config",
            ".",
            "--env",
            "local",
            "start",
        ),
        directory=ui,
        files={ui / "local.yaml": ui_config(context)},
        ports=("temporal_ui",),
        ready=HttpReady(context.url(ports.temporal_ui)),
        after={"temporal"},
    )
    return (
        Step(
            name="temporal-schema",
            group=Group.INFRASTRUCTURE,
            run=lambda task: _migrate(task, context),
            after={"databases"},
        ),
        Step(
            name="temporal-indexes",
            group=Group.INFRASTRUCTURE,
            run=lambda _: _drop_unused_indexes(context),
            after={"temporal-schema"},
        ),
        server,
        Step(
            name="temporal-namespace",
            group=Group.INFRASTRUCTURE,
            run=lambda task: _create_namespace(task, context.url(ports.temporal_http)),
            after={"temporal"},
        ),
        interface,
    )


def _migrate(task: Task, context: Context) -> None:
    # Schemas only change with the server's version.
    marker = context.data("temporal") / "schema-version"
    wanted = context.tools.servers.version(TEMPORAL)
    if marker.exists() and marker.read_text() == wanted:
        return
    program = str(context.tools.servers.target() / "temporal-sql-tool")
    tool = [program, "--plugin", PLUGIN, "--ep", LOOPBACK, "-p", str(context.ports.postgres), "-u", "temporal"]
    environment = {"SQL_PASSWORD": context.secrets.temporal_password.get_secret_value()}
    for database, schema in SCHEMAS.items():
        command = [*tool, "--db", database]
        if not _has_schema(context, database):
            task.run([*command, "setup-schema", "-v", "0.0"], environment=environment)
        task.run([*command, "update-schema", "--schema-name", schema], environment=environment)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(wanted)


def _drop_unused_indexes(context: Context) -> None:
    """Drop what an update of the schema may have made anew, too."""
    with _connect(context, "temporal_visibility") as connection:
        names = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = %s AND indexname <> ALL (%s)",
            (VISIBILITY_TABLE, list(VISIBILITY_INDEXES)),
        ).fetchall()
        for (name,) in names:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))


def _connect(context: Context, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    password = context.secrets.temporal_password.get_secret_value()
    return psycopg.connect(postgres.dsn(context, "temporal", password, database))


def _has_schema(context: Context, database: str) -> bool:
    with _connect(context, database) as connection:
        row = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def _create_namespace(task: Task, api: str) -> None:
    """Create the namespace and wait until the frontend knows it (it caches the list for some seconds)."""
    with httpx.Client(base_url=f"{api}/api/v1", timeout=10.0, trust_env=False) as client:
        if client.get(f"/namespaces/{TEMPORAL_NAMESPACE}").status_code == httpx.codes.OK:
            return
        body = {"namespace": TEMPORAL_NAMESPACE, "workflowExecutionRetentionPeriod": RETENTION}
        answer = client.post("/namespaces", json=body)
        if answer.status_code not in {httpx.codes.OK, httpx.codes.CONFLICT}:
            raise StackError(f"Temporal refuses to create the namespace {TEMPORAL_NAMESPACE}: {answer.text}")
        for _ in range(NAMESPACE_SECONDS):
            if client.get(f"/namespaces/{TEMPORAL_NAMESPACE}/workflows").status_code == httpx.codes.OK:
                return
            task.note = "waits for the namespace to be known everywhere"
            task.sleep(1.0)
    raise StackError(f"Temporal created the namespace {TEMPORAL_NAMESPACE}, but does not know it after a minute.")
