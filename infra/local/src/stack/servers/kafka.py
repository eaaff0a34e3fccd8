"""Kafka: one broker, or three that keep each record on all of them; each is a controller, too (KRaft)."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from stack.context import Context
from stack.jobs import Task
from stack.places import Places, broker_name
from stack.ports import LOOPBACK, Ports
from stack.processes import Group, Process, Step
from stack.readiness import KafkaReady

MAIN_CLASS = "kafka.Kafka"
FORMAT_CLASS = "kafka.tools.StorageTool"

STORAGE = "kafka-storage"
# Three take about as much memory as two that are alone.
HEAP = {1: ("-Xms256m", "-Xmx512m"), 3: ("-Xms128m", "-Xmx320m")}

# What holds on every cluster, whatever its size.
SETTINGS = {
    # Topics are declared in the contracts and created by a deploy step.
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    "group.initial.rebalance.delay.ms": "0",
    # Idle threads wake up several times a second, and the work of one small machine needs few.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    # The controller writes a record when it has had nothing to write for so long; the default is half a second.
    "metadata.max.idle.interval.ms": "10000",
    # Flink's transactions, of three days, must outlive a weekend on which nothing runs.
    "transaction.max.timeout.ms": str(4 * 24 * 60 * 60 * 1000),
}

LOGGING = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: console
      PatternLayout:
        pattern: "%d{ISO8601} %p %c{1} %m%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: console
    Logger:
      - name: kafka.server.KafkaRaftServer
        level: INFO
"""


def replication(copies: int | str, in_sync: int | str) -> dict[str, str]:
    """Return how many copies the brokers' own topics have, and how many have a record before it is acknowledged."""
    return {
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(in_sync),
    }


def bootstrap(places: Places, ports: Ports) -> str:
    """Return the addresses of all brokers, with commas between them."""
    return ",".join(
        f"{LOOPBACK}:{port}" for number in _numbers(places) for port in ports.named(_ports(number)[:1]).values()
    )


def properties(context: Context, number: int = 1) -> str:
    """Return the server.properties of a broker; every listener is on loopback.

    Internal topics have a copy on each broker, and of three one may be away.
    """
    brokers = context.places.brokers
    client, controller = context.ports.named(_ports(number)).values()
    voters = [f"{LOOPBACK}:{_controller(context.ports, each)}" for each in _numbers(context.places)]
    listeners = f"BROKER://{LOOPBACK}:{client},CONTROLLER://{LOOPBACK}:{controller}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.bootstrap.servers": ",".join(voters),
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": str(context.data(broker_name(number))),
        **SETTINGS,
        **replication(brokers, max(1, brokers - 1)),
        # A broker that was killed is registered again when the session of its former self is over; the default is 9 s.
        # Of three, the others take its partitions over then.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "1000",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the brokers and the formatting of their storage."""
    numbers = _numbers(context.places)
    # The first is ready when all are: what needs Kafka names it alone. The others are a majority without it.
    others = frozenset(broker_name(number) for number in numbers[1:])
    formatting = Step(name=STORAGE, group=Group.INFRASTRUCTURE, run=lambda task: _format(context, task))
    brokers = (_broker(context, number, others if number == 1 else frozenset()) for number in numbers)
    return (formatting, *brokers)


def _broker(context: Context, number: int, others: frozenset[str]) -> Process:
    name = broker_name(number)
    config = context.config(name)
    client, controller = _ports(number)
    return Process(
        name=name,
        group=Group.INFRASTRUCTURE,
        command=(
            context.java,
            *HEAP[context.places.brokers],
            "-XX:+UseSerialGC",
            *_logging_and_classes(context, config),
            MAIN_CLASS,
            str(config / "server.properties"),
        ),
        files={config / "server.properties": properties(context, number), config / "log4j2.yaml": LOGGING},
        ports=(client, controller),
        ready=KafkaReady(context.ports.named((client,))[client]),
        after={STORAGE} | others,
        stop_seconds=30,
    )


def _format(context: Context, task: Task) -> None:
    """Make the storage of each broker that has none, the first one's last."""
    numbers = _numbers(context.places)
    made = [context.data(broker_name(number)) / "meta.properties" for number in numbers]
    # Behind a letter: an id that begins with a hyphen would be taken for an option.
    cluster = next(_ids(made), None) or f"K{urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:].rstrip('=')}"
    quorum = ["--standalone"] if len(numbers) == 1 else ["--initial-controllers", _voters(context, cluster)]
    for number, meta in reversed(list(zip(numbers, made, strict=True))):
        if meta.exists():
            continue
        config = context.config(broker_name(number))
        tool = [context.java, "-Xmx128m", *_logging_and_classes(context, config), FORMAT_CLASS]
        asked = ["format", "--cluster-id", cluster, "--config", str(config / "server.properties")]
        task.run([*tool, *asked, *quorum])


def _ids(made: list[Path]) -> Iterator[str]:
    for path in made:
        for line in path.read_text().splitlines() if path.exists() else ():
            if line.startswith("cluster.id="):
                yield line.partition("=")[2]


def _voters(context: Context, cluster: str) -> str:
    """Return the controllers as the first quorum is told of them.

    The same for the same cluster, so that formatting that was interrupted can be completed.
    """

    def voter(number: int) -> str:
        directory = urlsafe_b64encode(uuid.uuid5(uuid.NAMESPACE_OID, f"{cluster}/{number}").bytes).decode().rstrip("=")
        return f"{number}@{LOOPBACK}:{_controller(context.ports, number)}:{directory}"

    return ",".join(voter(number) for number in _numbers(context.places))


def _logging_and_classes(context: Context, config: Path) -> tuple[str, ...]:
    classes = f"{context.tools.kafka.target()}/jars/*"
    return (f"-Dlog4j2.configurationFile={config / 'log4j2.yaml'}", "-cp", classes)


def _numbers(places: Places) -> range:
    return range(1, places.brokers + 1)


def _ports(number: int) -> tuple[str, str]:
    """Return the names of a broker's ports: for clients, and for controllers."""
    suffix = "" if number == 1 else f"_{number}"
    return f"kafka{suffix}", f"kafka_controller{suffix}"


def _controller(ports: Ports, number: int) -> int:
    name = _ports(number)[1]
    return ports.named((name,))[name]
