"""What each part is asked. A question raises a PipelineError where the part does not answer."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from confluent_kafka import Consumer, KafkaException
from kit.answers import object_of, promised
from kit.clock import Clock
from kit.connection import Http, Kafka, endpoint_of, kafka_options
from kit.lake import rows_came
from pydantic import SecretStr
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError
from requests import RequestException

from operations.audit.database import open_database
from operations.audit.hops import HOPS
from operations.errors import UnavailableError
from operations.stretches import Stretches
from operations.watch.values import AUDITED, CHANGED, DIFFERENCES, ENDS, FREE, LAG, SIZE, WORKFLOWS, Value

Question = Callable[[], list[Value]]

STUCK_AFTER: Final = timedelta(minutes=10)
LOST_WITHIN: Final = timedelta(hours=1)
_TIMEOUT_SECONDS: Final = 5.0
_HEALTH: Final = "{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }"


class Lags:
    """How far consumer groups are behind the ends of their topics, by the offsets that they have committed.

    Seen from outside, so that a reader that does not run is seen as well. Open transactions count as records to read.
    """

    def __init__(self, kafka: Kafka, readers: Iterable[tuple[str, str]]) -> None:
        """`readers` are pairs of a group and a topic that it reads."""
        self._topics: dict[str, list[str]] = defaultdict(list)
        for group, topic in readers:
            self._topics[group].append(topic)
        self._stretches = Stretches(kafka, passes_gaps=False, timeout_seconds=_TIMEOUT_SECONDS)
        # One that subscribes to nothing joins no group; the admin client's question can end the whole process.
        self._consumers = {
            group: Consumer(
                {
                    **kafka_options(kafka),
                    "group.id": group,
                    "enable.auto.commit": False,
                    "log_level": 2,
                }
            )
            for group in self._topics
        }

    def ask(self) -> list[Value]:
        """Return the end of each topic, and how far each group is behind it.

        Of a partition that a group has not read yet, all that is there counts.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: A topic does not exist.
        """
        found = []
        bounds = {topic: self._stretches.bounds(topic) for topics in self._topics.values() for topic in topics}
        found += [Value(ENDS, (topic,), sum(end for _, end in ends.values())) for topic, ends in bounds.items()]
        for group, topics in self._topics.items():
            places = [place for topic in topics for place in self._stretches.partitions(topic)]
            lags: dict[str, int] = dict.fromkeys(topics, 0)
            try:
                committed = self._consumers[group].committed(places, timeout=_TIMEOUT_SECONDS)
            except KafkaException as error:
                raise self._stretches.away(error) from error
            for place in committed:
                if place.error is not None:
                    raise UnavailableError(f"Kafka does not tell how far {group} is: {place.error.str()}.")
                low, end = bounds[place.topic].get(place.partition, (0, 0))
                lags[place.topic] += max(0, end - max(low, place.offset))
            found += [Value(LAG, (group, topic), lag) for topic, lag in lags.items()]
        return found

    def close(self) -> None:
        """Let go of the connections."""
        self._stretches.close()
        for consumer in self._consumers.values():
            consumer.close()


def ask_audit(dsn: SecretStr) -> list[Value]:
    """Return how many differences of the standing audit are open, by hop, and when it last ended.

    Raises:
        UnavailableError: The database does not answer.
        DeploymentError: It lacks the audit's tables, or may not be read.
    """
    with open_database(dsn) as database:
        counts = database.count_open()
        newest = database.newest_run(standing=True)
    found = [Value(DIFFERENCES, (hop,), counts.get(hop, 0)) for hop in HOPS]
    return found if newest is None else [*found, Value(AUDITED, (), newest.finished_at.timestamp())]


class Layers:
    """When each layer of the lake last changed, by one table of each, as the catalog tells it."""

    def __init__(self, connect: Callable[[], Catalog], tables: Mapping[str, tuple[str, str]]) -> None:
        """`connect` makes a client of the catalog, at the first question; `tables` has namespace and name by layer."""
        self._connect = connect
        self._catalog: Catalog | None = None
        self._tables = tables

    def ask(self) -> list[Value]:
        """Return the times; a table that does not exist has none.

        Raises:
            Transient: The catalog does not answer.
        """
        if self._catalog is None:
            self._catalog = self._connect()
        found = []
        for layer, table in self._tables.items():
            try:
                snapshots = self._catalog.load_table(table).metadata.snapshots
            except NoSuchTableError:
                continue
            except (OSError, RequestException, RESTError) as error:
                raise UnavailableError(f"{'.'.join(table)} cannot be read now ({type(error).__name__})") from error
            if (changed := rows_came(snapshots)) is not None:
                found.append(Value(CHANGED, (layer,), changed))
        return found


class WorkflowCounts:
    """Asks Temporal's frontend over its HTTP API how many workflows are in which state.

    https://docs.temporal.io/list-filter
    """

    def __init__(
        self, http: Http, namespace: str, clock: Clock, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        where = endpoint_of(http)
        self._client = httpx.Client(
            base_url=f"{where.url.rstrip('/')}/api/v1/namespaces/{quote(namespace, safe='')}",
            timeout=_TIMEOUT_SECONDS,
            transport=transport,
            trust_env=False,
            **where.options(),
        )
        self._clock = clock

    def ask(self) -> list[Value]:
        """Return how many run, have run for long, and ended without success lately.

        Raises:
            UnavailableError: Temporal does not answer.
        """
        now = self._clock()
        queries = {
            "running": "ExecutionStatus = 'Running'",
            "stuck": f"ExecutionStatus = 'Running' AND StartTime < '{_written(now - STUCK_AFTER)}'",
            "lost": "ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut', 'Canceled')"
            f" AND CloseTime > '{_written(now - LOST_WITHIN)}'",
        }
        return [Value(WORKFLOWS, (state,), self._count(query)) for state, query in queries.items()]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _count(self, query: str) -> int:
        answer = _content("Temporal", lambda: self._client.get("/workflow-count", params={"query": query}))
        with promised("Temporal", failure=UnavailableError):
            return int(answer.get("count", 0))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def ask_trino(client: httpx.Client) -> list[Value]:
    """Return nothing, where Trino takes queries.

    Raises:
        UnavailableError: It does not.
    """
    if _content("Trino", lambda: client.get("/v1/info")).get("starting"):
        raise UnavailableError("Trino is still starting.")
    return []


def ask_dagster(client: httpx.Client) -> list[Value]:
    """Return nothing, where Dagster's web server and the daemons that it needs are well.

    Raises:
        UnavailableError: They are not.
    """
    answer = _content("Dagster", lambda: client.post("/graphql", json={"query": _HEALTH}))
    with promised("Dagster", failure=UnavailableError):
        statuses = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        are_well = all(each["healthy"] for each in statuses if each["required"])
    if not are_well:
        raise UnavailableError("A daemon of Dagster is not well: schedules may not run.")
    return []


def look_at_disks(mounts: Mapping[str, Path]) -> Iterator[Value]:
    """Yield room and size of the file systems of some folders; a folder that does not exist has none."""
    for name, path in mounts.items():
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            continue
        yield Value(FREE, (name,), usage.free)
        yield Value(SIZE, (name,), usage.total)


def _content(part: str, ask: Callable[[], httpx.Response]) -> Mapping[str, Any]:
    try:
        answer = ask().raise_for_status()
    except httpx.HTTPError as error:
        raise UnavailableError(f"{part} does not answer as it should ({type(error).__name__}).") from error
    return object_of(part, answer, UnavailableError)
