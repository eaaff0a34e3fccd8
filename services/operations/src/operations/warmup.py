"""Brings a cluster that has just started up to speed, on a topic of its own that is deleted again.

A broker compiles its code as it is used: the first record takes about a second, and the next hundreds several times as
long as later ones. No webhook should wait for that, and no topic of the contracts is to hold what is not an event.
"""

from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # the module does not export them
from kit.connection import Kafka, kafka_options
from kit.kafka.errorlog import ErrorLog

from operations.errors import DeploymentError

RECORDS = 500
_VALUE = b"x" * 1024
_TIMEOUT_SECONDS = 60.0


def warm_up(kafka: Kafka) -> int:
    """Write records one by one until the brokers' way of a record is compiled; return how many.

    Raises:
        DeploymentError: The cluster cannot be reached, or refuses the topic or a record.
    """
    errors = ErrorLog("payments-operations")
    settings: dict[str, Any] = {**kafka_options(kafka), "error_cb": errors.note}
    admin = AdminClient(settings)
    topic = f"warm-up.{uuid4().hex}"
    try:
        admin.create_topics([NewTopic(topic, 1)])[topic].result(_TIMEOUT_SECONDS)
        try:
            _write(kafka, topic)
        finally:
            admin.delete_topics([topic])[topic].result(_TIMEOUT_SECONDS)
    except KafkaException as error:
        raise _unreachable(errors.explain(error.args[0])) from error
    except TimeoutError as error:
        raise _unreachable(f"no answer within {_TIMEOUT_SECONDS:g} s") from error
    return RECORDS


def _write(kafka: Kafka, topic: str) -> None:
    def acknowledged(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            raise KafkaException(error)

    producer = Producer({**kafka_options(kafka), "enable.idempotence": True, "linger.ms": 0})
    for _ in range(RECORDS):
        producer.produce(topic, _VALUE, on_delivery=acknowledged)
        # One at a time, since a batch would be one request.
        if producer.flush(_TIMEOUT_SECONDS):
            raise TimeoutError


def _unreachable(reason: str) -> DeploymentError:
    return DeploymentError(f"Kafka cannot be warmed up: {reason}. Is it up? See `make status`.")
