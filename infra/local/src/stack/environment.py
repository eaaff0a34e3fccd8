"""The environment of every service, from one place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from stack.context import BUCKET_LAKE, S3_REGION, TEMPORAL_NAMESPACE
from stack.gateways import Gateway, gateways
from stack.places import Places
from stack.ports import LOOPBACK, Ports, url
from stack.secrets import Secrets
from stack.servers import kafka, registry

MERCHANT = "merch_local"
CONSOLE = "Console"
"""What the web page for who is on call is called among the addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the servers of one deployment are, and with what its programs come in; texts, which may be placeholders."""

    kafka: str
    brokers: str
    registry: str
    catalog: str
    warehouse: str
    object_store: str
    s3_access_key_id: str
    s3_secret_access_key: str
    temporal: str
    temporal_http: str
    temporal_ui: str
    inference: str
    trino_host: str
    trino_port: str
    dagster: str
    prometheus: str
    alertmanager: str
    postgres_dsn: str
    providers: str


def clients(at: Addresses) -> dict[str, str]:
    """Return the variables by which every program of ours finds the servers, however these are run."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": at.kafka,
        "TOPICS_MOST_REPLICAS": at.brokers,
        "SCHEMA_REGISTRY_URL": f"{at.registry}{registry.API}",
        "CATALOG_URI": at.catalog,
        "CATALOG_WAREHOUSE": at.warehouse,
        "S3_ENDPOINT": at.object_store,
        "S3_ACCESS_KEY_ID": at.s3_access_key_id,
        "S3_SECRET_ACCESS_KEY": at.s3_secret_access_key,
        "S3_REGION": S3_REGION,
        "TEMPORAL_ADDRESS": at.temporal,
        "TEMPORAL_NAMESPACE": TEMPORAL_NAMESPACE,
        "TEMPORAL_HTTP_URL": at.temporal_http,
        "TEMPORAL_UI_URL": at.temporal_ui,
        "INFERENCE_URL": at.inference,
        "TRINO_HOST": at.trino_host,
        "TRINO_PORT": at.trino_port,
        "TRINO_USER": "payments",
        "DAGSTER_URL": at.dagster,
        "PROMETHEUS_URL": at.prometheus,
        "ALERTMANAGER_URL": at.alertmanager,
        "POSTGRES_DSN": at.postgres_dsn,
        "GATEWAY_PROVIDERS": at.providers,
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
    }


def _here(places: Places, ports: Ports, secrets: Secrets) -> Addresses:
    password = secrets.payments_password.get_secret_value()
    return Addresses(
        kafka=kafka.bootstrap(places, ports),
        brokers=str(places.brokers),
        registry=url(ports.registry),
        catalog=url(ports.catalog),
        warehouse=f"s3://{BUCKET_LAKE}/warehouse",
        object_store=url(ports.object_store),
        s3_access_key_id=secrets.s3_access_key_id.get_secret_value(),
        s3_secret_access_key=secrets.s3_secret_access_key.get_secret_value(),
        temporal=f"{LOOPBACK}:{ports.temporal}",
        temporal_http=url(ports.temporal_http),
        temporal_ui=url(ports.temporal_ui),
        inference=url(ports.inference),
        trino_host=LOOPBACK,
        trino_port=str(ports.trino),
        dagster=url(ports.dagster),
        prometheus=url(ports.prometheus),
        alertmanager=url(ports.alertmanager),
        postgres_dsn=f"postgresql://payments:{password}@{LOOPBACK}:{ports.postgres}/payments",
        providers=",".join(places.providers),
    )


def shared(places: Places, ports: Ports, secrets: Secrets) -> Mapping[str, str]:
    """Return the variables that describe this stack to services, tests and tools."""
    return {
        **clients(_here(places, ports, secrets)),
        "FLINK_URL": url(ports.flink),
        "CONSOLE_URL": url(ports.console),
        # The normalizer plans with the very jars that the cluster has.
        "FLINK_HOME": str(places.flink_home),
        # All of Flink is on this machine, so that its own disk serves, at a fifth of the cost of the object store.
        "NORMALIZER_STATE_DIR": (places.data / "flink" / "state").as_uri(),
        "NORMALIZER_SQL_DIR": str(places.repository / "generated" / "flink"),
        "PAYMENTS_STATE_DIR": str(places.state),
        **{
            f"{gateway.prefix}{name}": value
            for gateway in gateways(places)
            for name, value in (("URL", gateway.url(ports)), ("SECRETS", endpoint_secrets(gateway, secrets)))
        },
        **{f"NORMALIZER_{each.provider.upper()}_URL": each.normalizer_url(ports) for each in gateways(places)},
    }


def endpoint_secrets(gateway: Gateway, secrets: Secrets) -> str:
    """Return the active secrets of a gateway's endpoint, as the gateway and the simulator read them."""
    endpoint = {
        "id": f"{gateway.provider}-local",
        "secret": secrets.webhook_secrets[gateway.provider].get_secret_value(),
        "merchant_id": MERCHANT,
    }
    return json.dumps([endpoint], separators=(",", ":"))


def addresses(places: Places, ports: Ports) -> Mapping[str, str]:
    """Return what a person may want to open, by name."""
    return {
        CONSOLE: url(ports.console),
        **{f"Gateway ({each.title}), API docs": f"{each.url(ports)}/docs" for each in gateways(places)},
        "Inference, API docs": f"{url(ports.inference)}/docs",
        "Temporal UI": url(ports.temporal_ui),
        "Dagster": url(ports.dagster),
        "Flink UI": url(ports.flink),
        "Trino": url(ports.trino),
        "Object store": url(ports.object_store),
        "Schema registry": url(ports.registry),
        "Iceberg catalog": f"{url(ports.catalog)}/v1/config",
        "Kafka": kafka.bootstrap(places, ports),
        "Postgres": f"{LOOPBACK}:{ports.postgres}",
        "Prometheus": url(ports.prometheus),
        "Alertmanager": url(ports.alertmanager),
    }
