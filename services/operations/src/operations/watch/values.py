"""The gauges of `payments watch`, and the values that they have."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

PART_UP: Final = "watch_part_up"
LAG: Final = "watch_consumer_lag_records"
ENDS: Final = "watch_topic_end_offsets"
CHANGED: Final = "watch_layer_changed_timestamp_seconds"
DIFFERENCES: Final = "watch_audit_open_differences"
AUDITED: Final = "watch_audit_finished_timestamp_seconds"
WORKFLOWS: Final = "watch_workflows"
FREE: Final = "watch_disk_free_bytes"
SIZE: Final = "watch_disk_size_bytes"

GAUGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    PART_UP: ("1 while a server answers, else 0.", ("part",)),
    LAG: ("Records between a group's committed offsets and the end of its topic.", ("group", "topic")),
    ENDS: ("Sum of the ends of a topic's partitions.", ("topic",)),
    CHANGED: ("When rows last came into a layer of the lake; compactions and deletions do not count.", ("layer",)),
    DIFFERENCES: ("Differences of the standing audit that are open.", ("hop",)),
    AUDITED: ("When the newest standing audit ended.", ()),
    WORKFLOWS: ("Workflows that run, that are stuck, and that ended without success within the hour.", ("state",)),
    FREE: ("Room that is left on a file system.", ("mount",)),
    SIZE: ("Size of a file system.", ("mount",)),
}


class Value(NamedTuple):
    """One value: of which gauge, for which labels in the gauge's order."""

    gauge: str
    labels: tuple[str, ...]
    value: float


class Gauges(Collector):
    """Shows the values of the last look, and none of a part that is away: what it said before is not known any more."""

    def __init__(self) -> None:
        self._values: tuple[Value, ...] = ()

    def update(self, values: Iterable[Value]) -> None:
        """Replace what is shown."""
        self._values = tuple(values)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every gauge, for the registry."""
        families = {name: GaugeMetricFamily(name, meaning, labels=labels) for name, (meaning, labels) in GAUGES.items()}
        for each in self._values:
            families[each.gauge].add_metric(each.labels, each.value)
        yield from families.values()
