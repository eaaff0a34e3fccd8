"""Kafka with contracts: registered schemas, the Confluent wire format, a producer for asyncio, a polling consumer.

Needs the extra `kafka`.
"""

from kit.kafka.consumer import Consumer, Message, Partition, headers_of
from kit.kafka.producer import Done, Producer
from kit.kafka.tail import Tail
from kit.kafka.wire import AvroDecoder, AvroEncoder
from kit.registry import RegisteredSchema, RegistryClient

__all__ = [
    "AvroDecoder",
    "AvroEncoder",
    "Consumer",
    "Done",
    "Message",
    "Partition",
    "Producer",
    "RegisteredSchema",
    "RegistryClient",
    "Tail",
    "headers_of",
]
