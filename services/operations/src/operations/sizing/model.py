"""From a cost an event to machines.

What an event costs falls with the rate, since checkpoints and commits are made for however many events there are:
cost(rate) = each + shared / rate, in CPU milliseconds. Two measured rates give both numbers, and the burst, a third
measurement, tells how well they foretell another rate.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from payments_contracts.topics import NORMALIZED, TOPICS

from operations.sizing.inputs import Inputs, Measured

FIXED = "job_manager"
"""What works for checkpoints alone, of which there are no more at a higher rate."""
REST = "others"
_DAY = 86_400
_MONTH_HOURS = 730
_MONTH_DAYS = _MONTH_HOURS / 24
_LEAST_BROKERS = 3
_LEAST_SHARDS = 4
_RAW = next(topic for topic in TOPICS if topic.name.endswith(".raw"))


@dataclass(frozen=True)
class Curve:
    """CPU milliseconds that each event costs, and that each second with events costs beside."""

    each: float
    shared: float

    def at(self, rate: float) -> float:
        """Return what an event costs at a rate."""
        return self.each + self.shared / rate


@dataclass(frozen=True)
class Limit:
    """A rate, in events a second, from which on something does not carry more as it is, and what to do then."""

    rate: float
    what: str
    remedy: str


@dataclass(frozen=True)
class Size:
    """What a rate takes: `cores` are those to have, `busy` those at work; `cost` is that of a month of 730 hours.

    `lake_gb` is Bronze with the archive, `marts_gb` Silver and Gold.
    """

    rate: float
    busy: float
    cores: float
    memory_gib: float
    parts: Mapping[str, float]
    brokers: int
    shards: int
    commits_a_day: float
    files_a_day: float
    kafka_gb: float
    lake_gb: float
    marts_gb: float
    database_gb: float
    temporal_gb: float
    cost: float


def curve(measured: Measured) -> Curve:
    """Return the cost of an event as two measured rates have it."""
    low, high = measured.low, measured.high
    shared = (low.cpu_ms - high.cpu_ms) / (1 / low.rate - 1 / high.rate)
    return Curve(low.cpu_ms - shared / low.rate, shared)


def foretold(measured: Measured) -> tuple[float, float]:
    """Return what an event cost in the burst, and what the curve says of that rate, in CPU milliseconds."""
    return measured.drain_cores * 1000 / measured.drain_rate, curve(measured).at(measured.drain_rate)


def parts(measured: Measured) -> dict[str, Curve]:
    """Return the curve of each part.

    What seconds cost beside events is the job manager's whole cost, as far as it goes; of the rest each part has its
    share. That the sum of the parts is measured at one rate alone makes this an estimate.
    """
    whole, low = curve(measured), measured.low
    costs = {**measured.parts, REST: low.cpu_ms - sum(measured.parts.values())}
    fixed = min(costs.get(FIXED, 0.0) * low.rate, whole.shared)
    others = sum(cost for name, cost in costs.items() if name != FIXED)
    found = {}
    for name, cost in costs.items():
        shared = fixed if name == FIXED else (whole.shared - fixed) * cost / others
        found[name] = Curve(cost - shared / low.rate, shared)
    return found


def size(inputs: Inputs, rate: float) -> Size:
    """Return what a rate of events a second takes, all day long."""
    measured, assumed, prices = inputs.measured, inputs.assumed, inputs.prices
    busy = measured.idle_cores + rate * curve(measured).at(rate) / 1000
    each = {name: rate * of.at(rate) / 1000 for name, of in parts(measured).items()}
    bytes_a_second = rate * (assumed.raw_bytes + assumed.unified_bytes) * NORMALIZED.replicas
    brokers = max(
        _LEAST_BROKERS,
        math.ceil(bytes_a_second / 1e6 / assumed.broker_mb_per_second),
        math.ceil(each["kafka"] / (assumed.broker_cores * assumed.utilization)),
    )
    daily = rate * _DAY
    retained = assumed.raw_bytes * _days(_RAW.retention_ms) + assumed.unified_bytes * _days(NORMALIZED.retention_ms)
    kafka_gb = daily * retained * NORMALIZED.replicas / 1e9
    in_lake = daily * _MONTH_DAYS * assumed.months_in_lake
    lake_gb = in_lake * (assumed.row_bytes + assumed.archived_bytes) / 1e9
    marts_gb = in_lake * (assumed.silver_bytes + assumed.gold_bytes) / 1e9
    database_gb = daily * _MONTH_DAYS * assumed.operational_bytes * assumed.months_in_database / 1e9
    temporal_gb = daily * assumed.history_bytes * assumed.days_in_temporal / 1e9
    commits = _commits(rate, assumed.commit_wait_seconds, assumed.commit_rows)
    commits += _commits(rate, assumed.archive_wait_seconds, assumed.archive_rows)
    # A commit writes a file of rows, a manifest, its list, and the table's metadata.
    writes = commits * 4 * _MONTH_DAYS / 1000 * prices.object_thousand_writes
    cores = busy / assumed.utilization
    return Size(
        rate=rate,
        busy=busy,
        cores=cores,
        memory_gib=cores * assumed.gib_per_core,
        parts=each,
        brokers=brokers,
        shards=_shards(inputs, rate),
        commits_a_day=commits,
        files_a_day=max(2.0, daily * (assumed.row_bytes + assumed.archived_bytes) / 1e6 / assumed.file_mb),
        kafka_gb=kafka_gb,
        lake_gb=lake_gb,
        marts_gb=marts_gb,
        database_gb=database_gb,
        temporal_gb=temporal_gb,
        cost=cores * _MONTH_HOURS * prices.core_hour
        + (kafka_gb + database_gb + temporal_gb) * prices.disk_gb_month
        + (lake_gb + marts_gb) * prices.object_gb_month
        + writes,
    )


def limits(inputs: Inputs) -> list[Limit]:
    """Return what stops carrying more as it is delivered, the first of all first."""
    return sorted(_limits(inputs), key=lambda limit: limit.rate)


def grain(inputs: Inputs) -> float:
    """Return the rate from which on one workflow for each event is the wrong grain.

    It is the rate at which one primary of Postgres no longer takes what Temporal writes for it: a workflow's history
    is several times as large as the event, and Temporal's store on Postgres cannot be spread over several.
    """
    assumed, storage = inputs.assumed, inputs.measured.storage
    by_log = assumed.postgres_wal_mb_per_second * 1e6 / storage.wal_bytes_per_workflow
    by_cpu = assumed.postgres_cores * assumed.utilization * 1000 / parts(inputs.measured)["postgres"].each
    return min(by_log, by_cpu)


def _limits(inputs: Inputs) -> Iterator[Limit]:
    measured, assumed = inputs.measured, inputs.assumed
    each = parts(measured)
    yield Limit(
        assumed.orchestrator_rate,
        "one orchestrator process with all roles",
        "run the roles apart: one committer, several workers, consumers up to the topic's partitions",
    )
    slot = 1000 / each["task_manager"].each
    yield Limit(
        slot, "one task slot of a provider's Flink job", "NORMALIZER_PARALLELISM, up to the partitions of its raw topic"
    )
    yield Limit(
        slot * _RAW.partitions,
        f"the {_RAW.partitions} partitions of a raw topic",
        "a topic with more partitions; orders within a merchant hold for what comes after",
    )
    yield Limit(
        1000 / (each["orchestrator"].each / 2) * NORMALIZED.partitions,
        f"the {NORMALIZED.partitions} partitions of {NORMALIZED.name}, a consumer each",
        "a topic with more partitions",
    )
    yield Limit(
        assumed.commit_rows / measured.storage.commit_seconds,
        f"commits of {assumed.commit_rows:g} rows, one after the other",
        "COMMIT_MAX_ROWS; the wait stays COMMIT_MAX_WAIT_SECONDS",
    )
    yield Limit(
        grain(inputs), "Postgres under Temporal: one primary", "another grain of workflows, see below; or Cassandra"
    )


def _commits(rate: float, wait_seconds: float, rows: float) -> float:
    """Return commits a day: one as soon as the first row has waited so long or so many are together."""
    by_time = rate / (1 + rate * wait_seconds)
    return _DAY * max(by_time, rate / rows)


def _shards(inputs: Inputs, rate: float) -> int:
    needed = rate * inputs.assumed.transitions_per_event / inputs.assumed.transitions_per_shard
    return max(_LEAST_SHARDS, 1 << math.ceil(math.log2(max(needed, 1))))


def _days(milliseconds: float) -> float:
    return milliseconds / 1000 / _DAY
