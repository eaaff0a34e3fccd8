"""Our own programs, and the steps that deploy the contracts before them."""

import json
from collections.abc import Mapping
from typing import Any

from stack import environment
from stack.applications import DAGSTER_DRIVER
from stack.environment import Addresses
from stack.gateways import Gateway
from stack.ports import Ports

from deployment import streams
from deployment.service import (
    BOTH,
    BROKERS,
    FULL,
    STOP,
    Definition,
    after,
    asked,
    confined,
    published,
    secret,
    server,
    step,
)
from deployment.stores import CATALOG, CATALOG_URI, OBJECT_STORE, SCOPE, credential
from deployment.versions import ours

HTTP = 8080
METRICS = 9100
SDK_METRICS = 9101
# Volumes that fill up, of servers that are started before the watch: the first who mounts one decides whose it is.
_WATCHED = ("kafka-1", "kafka-2", "kafka-3", "postgres", "minio")
_STREAM = ("KAFKA_", "SCHEMA_REGISTRY_")
_LAKE = ("CATALOG_", "S3_")
_DEPLOYED = ("topics", "schemas")


def clients(gateways: tuple[Gateway, ...]) -> dict[str, str]:
    """Return where everything is, by the names that the programs know it by."""
    at = Addresses(
        kafka=streams.ADDRESS,
        brokers="${KAFKA_BROKERS:-3}",
        registry="http://registry:8080",
        catalog=CATALOG_URI,
        warehouse=CATALOG,
        object_store=OBJECT_STORE,
        s3_access_key_id=secret("S3_ACCESS_KEY_ID"),
        s3_secret_access_key=secret("S3_SECRET_ACCESS_KEY"),
        temporal="temporal:7233",
        temporal_http="http://temporal:7243",
        temporal_ui="http://temporal-ui:8080",
        inference=f"http://inference:{HTTP}",
        trino_host="trino",
        trino_port="8080",
        dagster="http://dagster-webserver:3000",
        prometheus="http://prometheus:9090",
        alertmanager="http://alertmanager:9093",
        postgres_dsn=f"postgresql://payments:{secret('PAYMENTS_PASSWORD')}@postgres:5432/payments",
        providers=",".join(each.provider for each in gateways),
    )
    return {
        **environment.clients(at),
        "CATALOG_CREDENTIAL": credential(),
        "CATALOG_SCOPE": SCOPE,
        # The audit's first hop asks them.
        **{f"{each.prefix}URL": f"http://{each.name}:{HTTP}" for each in gateways},
    }


def services(ports: Ports, gateways: tuple[Gateway, ...]) -> dict[str, Definition]:
    """Return deploy steps and programs."""
    known = clients(gateways)
    return {
        **_steps(known),
        **_webhooks(ports, gateways, known),
        **_stream(known),
        "console": _console(ports, gateways, known),
        **_dagster(ports, known),
    }


def only(known: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    """Return the variables that begin so, and how to log: a program gets no secret that it has no use for."""
    return {name: value for name, value in known.items() if name.startswith((*prefixes, "LOG_"))}


def _steps(known: dict[str, str]) -> dict[str, Definition]:
    needs = {
        "topics": (("topics", "apply"), after(healthy=BROKERS)),
        "schemas": (("schemas", "register"), after(healthy=["registry"])),
        "tables": (("tables", "apply"), after(done=["catalog"])),
        "database": (("database", "apply"), after(healthy=["postgres"])),
    }
    return {
        name: confined(step(ours("operations"), environment=known, needs=first, command=list(command)))
        for name, (command, first) in needs.items()
    }


def _program(
    image: str, variables: dict[str, str], needs: Definition, profiles: tuple[str, ...] = BOTH, **more: Any
) -> Definition:
    return confined(
        server(
            ours(image),
            profiles=profiles,
            environment=variables,
            needs=needs,
            init=True,
            stop_grace_period=STOP,
            **more,
        )
    )


def _webhooks(ports: Ports, gateways: tuple[Gateway, ...], known: dict[str, str]) -> dict[str, Definition]:
    made: dict[str, Definition] = {}
    for each in gateways:
        name = each.provider.upper()
        number = ports.named((each.port,))[each.port]
        endpoint = {
            "id": f"{each.provider}-compose",
            "secret": secret(f"{name}_WEBHOOK_SECRET"),
            "merchant_id": environment.MERCHANT,
        }
        made[each.name] = _program(
            "gateway",
            only(known, *_STREAM)
            | {
                "GATEWAY_PROVIDER": each.provider,
                "WEBHOOK_SECRETS": json.dumps([endpoint], separators=(",", ":")),
                "NOTIFICATION_URL": f"${{{name}_NOTIFICATION_URL:-{each.notification_url(ports)}}}",
            },
            after(healthy=BROKERS, done=_DEPLOYED),
            ports=published(**{f"to_{HTTP}": number}),
        )
        made[each.normalizer] = _program(
            "normalizer",
            only(known, *_STREAM, "S3_")
            | {"NORMALIZER_PROVIDER": each.provider, "FLINK_URL": "http://flink-jobmanager:8081"},
            after(healthy=["flink-jobmanager", "flink-taskmanager"], done=_DEPLOYED),
            mem_limit="2g",
        )
    return made


def _stream(known: dict[str, str]) -> dict[str, Definition]:
    first = after(healthy=["inference"], done=(*_DEPLOYED, "tables", "database", "temporal-namespace"))
    return {
        "inference": _program("inference", only(known), {}),
        "orchestrator": _program(
            "orchestrator",
            only(known, *_STREAM, *_LAKE, "TEMPORAL_", "INFERENCE_", "POSTGRES_")
            | {"TEMPORAL_METRICS_PORT": str(SDK_METRICS)},
            first,
        ),
        "archiver": _program("archiver", only(known, *_STREAM, *_LAKE), after(done=(*_DEPLOYED, "tables"))),
        "watch": _program(
            "operations",
            known
            | {
                "METRICS_HOST": "0.0.0.0",  # noqa: S104  # inside the container
                "METRICS_PORT": str(METRICS),
                "WATCH_MOUNTS": ",".join(f"{name}=/volumes/{name}" for name in _WATCHED),
            },
            after(done=("topics", "tables", "database")),
            profiles=(FULL,),
            command=["watch"],
            volumes=[f"{name}:/volumes/{name}:ro" for name in _WATCHED],
            healthcheck=asked("python3", "/opt/healthcheck.py"),
        ),
    }


def _console(ports: Ports, gateways: tuple[Gateway, ...], known: dict[str, str]) -> Definition:
    addresses = {
        **{each.name: HTTP for each in gateways},
        **{each.normalizer: METRICS for each in gateways},
        "inference": HTTP,
        **dict.fromkeys(("orchestrator", "archiver", "watch"), METRICS),
    }
    return _program(
        "operations",
        known
        | {
            "HTTP_HOST": "0.0.0.0",  # noqa: S104  # inside the container
            "HTTP_PORT": str(HTTP),
            "FLINK_URL": "http://flink-jobmanager:8081",
            "CONSOLE_PROGRAMS": ",".join(f"{name}=http://{name}:{port}" for name, port in addresses.items()),
            "CONSOLE_TOKEN": secret("CONSOLE_TOKEN"),
            "CONSOLE_HOSTS": "console",
        },
        after(done=("topics", "tables", "database")),
        profiles=(FULL,),
        command=["console"],
        healthcheck=asked("python3", "/opt/healthcheck.py"),
        ports=published(**{f"to_{HTTP}": ports.console}),
    )


def _dagster(ports: Ports, known: dict[str, str]) -> dict[str, Definition]:
    first = after(healthy=["trino"], done=["tables", "database"])
    runs = f"{DAGSTER_DRIVER}://payments:{secret('PAYMENTS_PASSWORD')}@postgres:5432/dagster"
    ready = "import urllib.request as r; r.urlopen('http://localhost:3000/server_info', timeout=3)"
    live = {
        # It listens once the definitions are loaded. Dagster's own check takes a second of a core each time.
        "code": asked("bash", "-c", "</dev/tcp/localhost/3001", start="90s"),
        "webserver": asked("python3", "-c", ready, start="90s"),
        "daemon": asked("dagster-daemon", "liveness-check", start="120s", interval="60s"),
    }
    return {
        f"dagster-{part}": _program(
            "analytics",
            known | {"DAGSTER_POSTGRES_URL": runs},
            first if part == "code" else after(healthy=["dagster-code"]),
            profiles=(FULL,),
            command=[part],
            volumes=["dagster:/var/lib/payments"],
            healthcheck=health,
            **({"ports": published(to_3000=ports.dagster)} if part == "webserver" else {}),
        )
        for part, health in live.items()
    }
