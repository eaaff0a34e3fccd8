"""What Kafka tells of topics at little cost: how much is in them, how far readers are, and what waits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it exports them late
from kit.connection import Kafka, kafka_options
from kit.errors import Transient
from kit.kafka.errorlog import QUIET, ErrorLog

_CLIENT: Final = "analytics"
_TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Contents:
    """What a topic has: records from the first that is kept to the end, and the time of the newest (UTC)."""

    records: int
    newest: datetime | None


class Stream:
    """The topics of one Kafka cluster, by their offsets alone; joins no group. Open it with `with`.

    Marks of transactions count as records, as everywhere where offsets are counted.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._errors = ErrorLog(_CLIENT)
        self._consumer = self._ask_as(_CLIENT)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def contents(self, topics: Iterable[str]) -> Mapping[str, Contents]:
        """Return what each topic has.

        Raises:
            Transient: Kafka does not answer, or lacks a topic.
        """
        bounds = {topic: self._bounds(topic) for topic in topics}
        newest = self._newest([TopicPartition(topic, number) for topic in bounds for number in bounds[topic]])
        return {
            topic: Contents(sum(end - low for low, end in of.values()), newest.get(topic))
            for topic, of in bounds.items()
        }

    def lags(self, group: str, topics: Iterable[str]) -> Mapping[str, int]:
        """Return how many records of each topic a group has not committed; of a partition that it never read, all.

        Raises:
            Transient: Kafka does not answer, or lacks a topic.
        """
        bounds = {topic: self._bounds(topic) for topic in topics}
        places = [TopicPartition(topic, number) for topic, of in bounds.items() for number in of]
        lags = dict.fromkeys(bounds, 0)
        for place in self._committed(group, places):
            low, end = bounds[place.topic][place.partition]
            lags[place.topic] += max(0, end - max(low, place.offset))
        return lags

    def waiting(self, topic: str, since: datetime | None, before: datetime, group: str | None = None) -> int:
        """Return how many records came into a topic at or after one moment and before another, by Kafka's time.

        Of what came before `since`, which is the beginning where there is none, nothing is counted, and nothing of what
        `group` has committed.

        Raises:
            Transient: Kafka does not answer, or lacks the topic.
        """
        if since is not None and since >= before:
            return 0
        bounds = self._bounds(topic)
        ends = self._located(topic, bounds, before)
        starts = {n: low for n, (low, _) in bounds.items()} if since is None else self._located(topic, bounds, since)
        if group is not None:
            for place in self._committed(group, [TopicPartition(topic, number) for number in bounds]):
                starts[place.partition] = max(starts[place.partition], place.offset)
        return sum(max(0, ends[number] - starts[number]) for number in bounds)

    def _committed(self, group: str, places: list[TopicPartition]) -> list[TopicPartition]:
        # A consumer that subscribes to nothing joins no group.
        consumer = self._ask_as(group)
        try:
            return consumer.committed(places, timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._away(error) from error
        finally:
            consumer.close()

    def _located(self, topic: str, bounds: Mapping[int, tuple[int, int]], moment: datetime) -> dict[int, int]:
        wanted = [TopicPartition(topic, number, int(moment.timestamp() * 1000)) for number in bounds]
        try:
            found = self._consumer.offsets_for_times(wanted, timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._away(error) from error
        # Where nothing came since then, the end.
        return {each.partition: each.offset if each.offset >= 0 else bounds[each.partition][1] for each in found}

    def _bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        try:
            told = self._consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
            if told.error is not None:
                raise Transient(f"Kafka has no topic {topic}: run `payments topics apply`.")
            return {
                number: self._consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_SECONDS)
                for number in told.partitions
            }
        except KafkaException as error:
            raise self._away(error) from error

    def _newest(self, places: Iterable[TopicPartition]) -> Mapping[str, datetime]:
        admin = AdminClient(self._settings())
        found: dict[str, datetime] = {}
        newest = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]  # it has half its types
        asked = admin.list_offsets(dict.fromkeys(places, newest), request_timeout=_TIMEOUT_SECONDS)
        for place, answer in asked.items():
            try:
                milliseconds = answer.result(_TIMEOUT_SECONDS).timestamp
            except KafkaException as error:
                raise self._away(error) from error
            if milliseconds >= 0:
                time = datetime.fromtimestamp(milliseconds / 1000, UTC)
                found[place.topic] = max(time, found.get(place.topic, time))
        return found

    def _ask_as(self, group: str) -> Consumer:
        return Consumer({**self._settings(), "group.id": group, "enable.auto.commit": False})

    def _settings(self) -> dict[str, Any]:
        return {**kafka_options(self._kafka), "client.id": _CLIENT, "error_cb": self._errors.note, **QUIET}

    def _away(self, error: KafkaException) -> Transient:
        said = self._errors.explain(error.args[0], self._consumer)
        return Transient(f"Kafka does not answer: {said.rstrip('.')}.")
