"""Kafka: one broker that is its own controller (KRaft)."""

import uuid
from base64 import urlsafe_b64encode

from stack.context import Context
from stack.jobs import Task
from stack.ports import LOOPBACK
from stack.processes import Group, Process, Step
from stack.readiness import KafkaReady

MAIN_CLASS = "kafka.Kafka"
FORMAT_CLASS = "kafka.tools.StorageTool"

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


def properties(context: Context) -> str:
    """Return server.properties; every listener is on loopback, and internal topics have one replica."""
    ports = context.ports
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{ports.kafka_controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"BROKER://{LOOPBACK}:{ports.kafka},CONTROLLER://{LOOPBACK}:{ports.kafka_controller}",
        "advertised.listeners": f"BROKER://{LOOPBACK}:{ports.kafka},CONTROLLER://{LOOPBACK}:{ports.kafka_controller}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": str(context.data("kafka")),
        # Topics are declared in the contracts and created by a deploy step.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "8",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # Idle threads wake up several times a second, and the work of one small machine needs few.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        # The controller writes a record when it has had nothing to write for so long; the default is half a second.
        "metadata.max.idle.interval.ms": "10000",
        # A broker that was killed is registered again when the session of its former self is over; the default is 9 s.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "1000",
        # Flink's transactions, of three days, must outlive a weekend on which nothing runs.
        "transaction.max.timeout.ms": str(4 * 24 * 60 * 60 * 1000),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def items(context: Context) -> tuple[Process | Step, ...]:
    """Return the broker and the formatting of its storage."""
    config = context.config("kafka")
    classpath = f"{context.tools.kafka.target()}/jars/*"
    logging = f"-Dlog4j2.configurationFile={config / 'log4j2.yaml'}"

    def format_storage(task: Task) -> None:
        if (context.data("kafka") / "meta.properties").exists():
            return
        # Behind a letter: an id that begins with a hyphen would be taken for an option.
        cluster = f"K{urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:].rstrip('=')}"
        tool = [context.java, "-Xmx128m", logging, "-cp", classpath, FORMAT_CLASS]
        command = ["format", "--cluster-id", cluster, "--config", str(config / "server.properties"), "--standalone"]
        task.run([*tool, *command])

    broker = Process(
        name="kafka",
        group=Group.INFRASTRUCTURE,
        command=(
            context.java,
            "-Xms256m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            logging,
            "-cp",
            classpath,
            MAIN_CLASS,
            str(config / "server.properties"),
        ),
        files={config / "server.properties": properties(context), config / "log4j2.yaml": LOGGING},
        ports=("kafka", "kafka_controller"),
        ready=KafkaReady(context.ports.kafka),
        after={"kafka-storage"},
        stop_seconds=30,
    )
    return (Step(name="kafka-storage", group=Group.INFRASTRUCTURE, run=format_storage), broker)
