"""Kafka, one broker or three, and the schema registry."""

from stack.ports import Ports
from stack.servers import kafka, registry

from deployment.service import FULL, SMALL, Definition, after, asked, published, secret, server
from deployment.versions import Images

ADDRESS = "kafka:9092"
"""Of the one broker; of three each has this name, too, and clients learn the others' own from any."""
_DATA = "/var/lib/kafka/data"
# Brokers find each other by it; not a secret.
_CLUSTER = "cGF5bWVudHMtcGlwZWxpbg"


def services(images: Images, ports: Ports) -> dict[str, Definition]:
    """Return the brokers and the registry."""
    three = ("kafka-1", "kafka-2", "kafka-3")
    return {
        "kafka": _broker(images, 1, ("kafka",), SMALL),
        **{name: _broker(images, number, three, FULL) for number, name in enumerate(three, start=1)},
        "registry": server(
            images.registry,
            environment={
                **{
                    name.upper().replace(".", "_").replace("-", "_"): value for name, value in registry.SETTINGS.items()
                },
                "APICURIO_STORAGE_SQL_KIND": "postgresql",
                "APICURIO_DATASOURCE_URL": "jdbc:postgresql://postgres:5432/registry",
                "APICURIO_DATASOURCE_USERNAME": "registry",
                "APICURIO_DATASOURCE_PASSWORD": secret("REGISTRY_PASSWORD"),
            },
            needs=after(healthy=["postgres"]),
            ports=published(to_8080=ports.registry),
            healthcheck=asked("curl --fail --silent http://localhost:9000/health/ready"),
        ),
    }


def volumes() -> list[str]:
    """Return the volumes that brokers keep their logs in."""
    return ["kafka", "kafka-1", "kafka-2", "kafka-3"]


def _broker(images: Images, number: int, names: tuple[str, ...], profile: str) -> Definition:
    name = names[number - 1]
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.voters": ",".join(f"{each}@{other}:9093" for each, other in enumerate(names, start=1)),
        "controller.listener.names": "CONTROLLER",
        "listeners": "BROKER://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"BROKER://{name}:9092",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": _DATA,
        **kafka.SETTINGS,
        **kafka.replication(len(names), max(1, len(names) - 1)),
    }
    variables = {f"KAFKA_{each.upper().replace('.', '_')}": value for each, value in settings.items()}
    return server(
        images.kafka,
        profiles=[profile],
        environment={"CLUSTER_ID": _CLUSTER, "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m", **variables},
        volumes=[f"{name}:{_DATA}"],
        networks={"default": {"aliases": ["kafka"]}},
        healthcheck=asked("bash", "-c", "</dev/tcp/localhost/9092"),
        stop_grace_period="30s",
    )
