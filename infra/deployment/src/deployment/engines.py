"""Flink, Temporal and Trino."""

from typing import Any

import yaml
from stack.context import BUCKET_FLINK, S3_REGION, TEMPORAL_NAMESPACE
from stack.ports import Ports
from stack.servers import flink, temporal, trino

from deployment.service import FULL, Definition, after, asked, confined, mounted, published, secret, server, step
from deployment.stores import CATALOG, CATALOG_URI, OBJECT_STORE, SCOPE, credential
from deployment.versions import Images, ours

FLINK_METRICS = 9249
TEMPORAL_METRICS = 9090
RETENTION_HOURS = int(temporal.RETENTION.removesuffix("s")) // 3600


def services(images: Images, ports: Ports, providers: int) -> dict[str, Definition]:
    """Return the engines, and the steps that make Temporal's schema and namespace."""
    return {**_flink(ports, providers), **_temporal(images, ports), "trino": _trino(images, ports)}


def configs(limits: str) -> dict[str, str]:
    """Return files and scripts, by name; `limits` is Temporal's dynamic configuration."""
    return {
        "flink-logging": flink.logging(),
        "temporal-limits": limits,
        "temporal-schema": _schema(),
        "temporal-namespace": _namespace(),
        "trino-config": trino.lines(
            {**trino.ENGINE, "http-server.http.port": "8080", "discovery.uri": "http://localhost:8080"}
        ),
        "trino-lake": trino.lines(lake()),
        "trino-logging": trino.lines(trino.LOG_LEVELS),
    }


def _flink(ports: Ports, providers: int) -> dict[str, Definition]:
    settings: dict[str, object] = {
        **flink.CLUSTER,
        "jobmanager.rpc.address": "flink-jobmanager",
        "rest.address": "flink-jobmanager",
        "rest.bind-address": "0.0.0.0",  # noqa: S104  # inside the container
        "taskmanager.numberOfTaskSlots": flink.slots(providers),
        # A job manager that is started again goes on with its jobs.
        "high-availability.type": flink.RECOVERY_SERVICES,
        "high-availability.storageDir": f"s3://{BUCKET_FLINK}/recovery",
        "high-availability.jobmanager.port": 6123,
        "s3.endpoint": OBJECT_STORE,
        "s3.access-key": secret("S3_ACCESS_KEY_ID"),
        "s3.secret-key": secret("S3_SECRET_ACCESS_KEY"),
        "metrics.reporter.prom.factory.class": f"{flink.REPORTER_PACKAGE}.PrometheusReporterFactory",
        "metrics.reporter.prom.port": FLINK_METRICS,
        "python.executable": "/opt/venv/bin/python",
        "python.client.executable": "/opt/venv/bin/python",
    }
    text = yaml.safe_dump(settings, sort_keys=False, width=10_000)

    def manager(script: str, memory: str, **more: Any) -> Definition:
        return confined(
            server(
                ours("normalizer"),
                environment={"FLINK_PROPERTIES": text},
                needs=after(done=["buckets"]),
                command=[script, "start-foreground"],
                configs=mounted(flink_logging="/opt/flink/conf/log4j-console.properties"),
                mem_limit=memory,
                init=True,
                **more,
            )
        )

    return {
        "flink-jobmanager": manager(
            "jobmanager.sh",
            "1300m",
            ports=published(to_8081=ports.flink),
            healthcheck=asked("bash", "-c", "</dev/tcp/localhost/8081"),
        ),
        # Beside the JVM, whose share the settings say, there are the Python workers.
        "flink-taskmanager": manager(
            "taskmanager.sh", "2500m", healthcheck=asked("bash", "-c", "</dev/tcp/localhost/9249")
        ),
    }


def _temporal(images: Images, ports: Ports) -> dict[str, Definition]:
    password = {"TEMPORAL_PASSWORD": secret("TEMPORAL_PASSWORD")}
    return {
        "temporal-schema": step(
            images.temporal_tools,
            environment=password,
            needs=after(healthy=["postgres"]),
            entrypoint=["/bin/sh", "/schema.sh"],
            configs=mounted(temporal_schema="/schema.sh"),
        ),
        "temporal": server(
            images.temporal,
            environment={
                "DB": "postgres12_pgx",
                "DB_PORT": "5432",
                "POSTGRES_SEEDS": "postgres",
                "POSTGRES_USER": "temporal",
                "POSTGRES_PWD": secret("TEMPORAL_PASSWORD"),
                "DBNAME": "temporal",
                "VISIBILITY_DBNAME": "temporal_visibility",
                "NUM_HISTORY_SHARDS": str(temporal.HISTORY_SHARDS),
                "BIND_ON_IP": "0.0.0.0",  # noqa: S104  # inside the container
                "LOG_LEVEL": "warn",
                "PROMETHEUS_ENDPOINT": f"0.0.0.0:{TEMPORAL_METRICS}",
                "DYNAMIC_CONFIG_FILE_PATH": "/etc/temporal/limits.yaml",
            },
            needs=after(done=["temporal-schema"]),
            configs=mounted(temporal_limits="/etc/temporal/limits.yaml"),
            ports=published(to_7233=ports.temporal),
            healthcheck=asked("nc -z localhost 7233", start="60s"),
        ),
        "temporal-namespace": step(
            images.temporal_tools,
            environment={"TEMPORAL_ADDRESS": "temporal:7233"},
            needs=after(healthy=["temporal"]),
            entrypoint=["/bin/sh", "/namespace.sh"],
            configs=mounted(temporal_namespace="/namespace.sh"),
        ),
        "temporal-ui": server(
            images.temporal_ui,
            environment={"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_DEFAULT_NAMESPACE": TEMPORAL_NAMESPACE},
            needs=after(healthy=["temporal"]),
            ports=published(to_8080=ports.temporal_ui),
        ),
    }


def _trino(images: Images, ports: Ports) -> Definition:
    return server(
        images.trino,
        profiles=[FULL],
        environment={
            "CATALOG_CREDENTIAL": credential(),
            "S3_ACCESS_KEY_ID": secret("S3_ACCESS_KEY_ID"),
            "S3_SECRET_ACCESS_KEY": secret("S3_SECRET_ACCESS_KEY"),
        },
        needs=after(done=["catalog"]),
        configs=mounted(
            trino_config="/etc/trino/config.properties",
            trino_lake="/etc/trino/catalog/lake.properties",
            trino_logging="/etc/trino/log.properties",
        ),
        ports=published(to_8080=ports.trino),
        mem_limit="2500m",
        healthcheck=asked("/usr/lib/trino/bin/health-check", start="60s"),
    )


def lake() -> dict[str, str]:
    """Return Trino's catalog of the layers, with Polaris and the object store beside it; no secret is in it."""
    return {
        **trino.LAKE,
        "iceberg.rest-catalog.uri": CATALOG_URI,
        "iceberg.rest-catalog.warehouse": CATALOG,
        "iceberg.rest-catalog.security": "OAUTH2",
        "iceberg.rest-catalog.oauth2.credential": "${ENV:CATALOG_CREDENTIAL}",
        "iceberg.rest-catalog.oauth2.scope": SCOPE,
        "iceberg.rest-catalog.oauth2.server-uri": f"{CATALOG_URI}/v1/oauth/tokens",
        "s3.endpoint": OBJECT_STORE,
        "s3.region": S3_REGION,
        "s3.aws-access-key": "${ENV:S3_ACCESS_KEY_ID}",
        "s3.aws-secret-key": "${ENV:S3_SECRET_ACCESS_KEY}",
    }


def _schema() -> str:
    tool = "temporal-sql-tool --plugin postgres12_pgx --ep postgres --port 5432 --user temporal"
    # The tool reads it from there.
    lines = ["set -eu", 'export SQL_PASSWORD="$TEMPORAL_PASSWORD"']
    for database, folder in temporal.SCHEMAS.items():
        lines += [
            # Refused where it is done already; the update says what is wrong otherwise.
            f"{tool} --db {database} setup-schema -v 0.0 || true",
            f"{tool} --db {database} update-schema --schema-dir /etc/temporal/schema/{folder}/versioned",
        ]
    return "\n".join(lines) + "\n"


def _namespace() -> str:
    named = f"--namespace {TEMPORAL_NAMESPACE}"
    return (
        f"temporal operator namespace describe {named} ||\n"
        f"    temporal operator namespace create --retention {RETENTION_HOURS}h {named}\n"
    )
