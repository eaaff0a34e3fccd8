"""The normalizer's Prometheus metrics; those of events are Flink's own counters, read through its REST API."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from normalizer.counters import NORMALIZED, REJECTED, REJECTION, UNMAPPED, UNSUPPORTED

Values = Mapping[tuple[str, str], float]


class EventCounters(Collector):
    """Shows the latest values of Flink's counters, which start again at zero with the worker that counts."""

    def __init__(self) -> None:
        self._values: Values = {}

    def update(self, values: Values) -> None:
        """Replace what is shown by `values`, by outcome and label."""
        self._values = dict(values)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one family per outcome."""
        values = self._values
        for outcome, name, text in (
            (NORMALIZED, "normalizer_normalized", "Events that came out unified."),
            (REJECTED, "normalizer_rejected", "Events quarantined on the dead-letter topic."),
        ):
            yield CounterMetricFamily(name, text, value=values.get((outcome, ""), 0.0))
        for outcome, name, label, text in (
            (REJECTION, "normalizer_rejections", "reason_code", "Reasons of quarantined events."),
            (UNSUPPORTED, "normalizer_unsupported", "event_type", "Events for whose type there is no mapping yet."),
            (UNMAPPED, "normalizer_unmapped", "event_type", "Events whose type is left unmapped on purpose."),
        ):
            family = CounterMetricFamily(name, text, labels=[label])
            for (kind, value), count in sorted(values.items()):
                if kind == outcome:
                    family.add_metric([value], count)
            yield family


class NormalizerMetrics:
    """Every metric of the process, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = EventCounters()
        registry.register(self.events)
        self.ready = Gauge("normalizer_job_ready", "1 while the Flink job does its work, else 0.", registry=registry)
        self.lost_transactions = Gauge(
            "normalizer_job_lost_transactions",
            "Transactions that the running tasks of the job could not commit: their records are lost to readers.",
            registry=registry,
        )
        self.statistics_failures = Counter(
            "normalizer_statistics_failures", "Readings of the job's statistics that failed.", registry=registry
        )
        self.checkpoints = Gauge(
            "normalizer_job_checkpoints", "Checkpoints that the job has completed.", registry=registry
        )
