"""The environment of every service, from one place."""

import json
from collections.abc import Mapping

from stack.context import BUCKET_LAKE, S3_REGION, TEMPORAL_NAMESPACE
from stack.gateways import Gateway, gateways
from stack.places import Places
from stack.ports import LOOPBACK, Ports, url
from stack.secrets import Secrets

MERCHANT = "merch_local"


def shared(places: Places, ports: Ports, secrets: Secrets) -> Mapping[str, str]:
    """Return the variables that describe this stack to services, tests and tools."""
    password = secrets.payments_password.get_secret_value()
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{ports.kafka}",
        "SCHEMA_REGISTRY_URL": f"{url(ports.registry)}/apis/ccompat/v7",
        "CATALOG_URI": url(ports.catalog),
        "CATALOG_WAREHOUSE": f"s3://{BUCKET_LAKE}/warehouse",
        "S3_ENDPOINT": url(ports.object_store),
        "S3_ACCESS_KEY_ID": secrets.s3_access_key_id.get_secret_value(),
        "S3_SECRET_ACCESS_KEY": secrets.s3_secret_access_key.get_secret_value(),
        "S3_REGION": S3_REGION,
        "TEMPORAL_ADDRESS": f"{LOOPBACK}:{ports.temporal}",
        "TEMPORAL_NAMESPACE": TEMPORAL_NAMESPACE,
        "TEMPORAL_HTTP_URL": url(ports.temporal_http),
        "TEMPORAL_UI_URL": url(ports.temporal_ui),
        "INFERENCE_URL": url(ports.inference),
        "TRINO_HOST": LOOPBACK,
        "TRINO_PORT": str(ports.trino),
        "TRINO_USER": "payments",
        "DAGSTER_URL": url(ports.dagster),
        "ALERTMANAGER_URL": url(ports.alertmanager),
        "FLINK_URL": url(ports.flink),
        # The normalizer plans with the very jars that the cluster has.
        "FLINK_HOME": str(places.flink_home),
        # All of Flink is on this machine, so that its own disk serves, at a fifth of the cost of the object store.
        "NORMALIZER_STATE_DIR": (places.data / "flink" / "state").as_uri(),
        "NORMALIZER_SQL_DIR": str(places.repository / "generated" / "flink"),
        "POSTGRES_DSN": f"postgresql://payments:{password}@{LOOPBACK}:{ports.postgres}/payments",
        "GATEWAY_PROVIDERS": ",".join(places.providers),
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
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
        **{f"Gateway ({each.title}), API docs": f"{each.url(ports)}/docs" for each in gateways(places)},
        "Inference, API docs": f"{url(ports.inference)}/docs",
        "Temporal UI": url(ports.temporal_ui),
        "Dagster": url(ports.dagster),
        "Flink UI": url(ports.flink),
        "Trino": url(ports.trino),
        "Object store": url(ports.object_store),
        "Schema registry": url(ports.registry),
        "Iceberg catalog": f"{url(ports.catalog)}/v1/config",
        "Kafka": f"{LOOPBACK}:{ports.kafka}",
        "Postgres": f"{LOOPBACK}:{ports.postgres}",
        "Prometheus": url(ports.prometheus),
        "Alertmanager": url(ports.alertmanager),
    }
