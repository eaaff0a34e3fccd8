"""The list of our metrics is what our programs construct: nothing more, nothing else, nothing less."""

import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import archiver.metrics
import kit.lake.metrics
import orchestrator.metrics
import pytest
from gateway.metrics import GatewayMetrics
from inference.app import build_app
from inference.latency import Latency
from monitoring.labels import LABELS
from monitoring.metric import Kind, Metric
from monitoring.own import OWN
from normalizer.counters import NORMALIZED, REJECTED, REJECTION, UNMAPPED, UNSUPPORTED
from normalizer.metrics import NormalizerMetrics
from operations.watch.values import GAUGES, Gauges
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import Metric as Family
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

ROOT = Path(__file__).resolve().parents[3]
# Which modules make metrics; any other that does is one that the list does not know.
MAKERS = {
    "services/archiver/src/archiver/metrics.py",
    "services/gateway/src/gateway/metrics.py",
    "services/inference/src/inference/app.py",
    "services/kit/src/kit/lake/metrics.py",
    "services/normalizer/src/normalizer/metrics.py",
    "services/operations/src/operations/watch/values.py",
    "services/orchestrator/src/orchestrator/metrics.py",
}

Shape = tuple[str, Kind, tuple[str, ...]]
"""Name, kind and labels."""


def listed(program: str) -> set[Shape]:
    return {(each.name, each.kind, each.labels) for each in OWN if each.program == program}


def constructed(collectors: Iterable[Collector]) -> set[Shape]:
    return {shape(family, collector) for collector in collectors for family in collector.collect()}


def shape(family: Family, collector: Collector) -> Shape:
    kind = Kind(family.type)
    # A metric of the library knows its labels; a family of a collector of ours has them on its samples.
    if isinstance(collector, MetricWrapperBase):
        labels = tuple(collector._labelnames)
    else:
        labels = tuple(name for name in family.samples[0].labels if name != "le")
    return f"{family.name}_total" if kind is Kind.COUNTER else family.name, kind, labels


def of_module(module: ModuleType) -> list[Collector]:
    return [each for each in vars(module).values() if isinstance(each, Counter | Gauge | Histogram)]


def of_registry(registry: CollectorRegistry) -> list[Collector]:
    return list(registry._collector_to_names)


@pytest.mark.parametrize(
    ("program", "module"),
    [("orchestrator", orchestrator.metrics), ("archiver", archiver.metrics), ("lake", kit.lake.metrics)],
    ids=["orchestrator", "archiver", "lake"],
)
def test_metrics_of_a_module_are_those_of_the_list(program: str, module: ModuleType) -> None:
    assert constructed(of_module(module)) == listed(program)


def test_metrics_of_a_gateway_are_those_of_the_list() -> None:
    registry = CollectorRegistry()
    metrics = GatewayMetrics("stripe", registry)
    metrics.note_accepted(0.01)
    metrics.count("forged", "signature_missing")
    metrics.count_secret("2026-05")
    metrics.count_reload("taken")
    metrics.count_key_fetch("failed")
    assert constructed(of_registry(registry)) == listed("gateway")


def test_metrics_of_a_normalizer_are_those_of_the_list() -> None:
    registry = CollectorRegistry()
    metrics = NormalizerMetrics(registry)
    labelled = {(outcome, "x"): 1.0 for outcome in (REJECTION, UNSUPPORTED, UNMAPPED)}
    metrics.events.update({(NORMALIZED, ""): 1.0, (REJECTED, ""): 1.0, **labelled})
    assert constructed(of_registry(registry)) == listed("normalizer")


def test_metrics_of_the_models_are_those_of_the_list() -> None:
    registry = CollectorRegistry()
    build_app(Latency(0, 0), registry)
    assert constructed(of_registry(registry)) == listed("inference")


def test_gauges_of_the_watch_are_those_of_the_list() -> None:
    found = {(name, Kind.GAUGE, labels) for name, (_, labels) in GAUGES.items()}
    assert found == listed("operations")
    assert {family.name for family in Gauges().collect()} == set(GAUGES)


def test_no_other_module_makes_metrics() -> None:
    making = re.compile(r"prometheus_client.*\b(Counter|Gauge|Histogram|Summary|Info|Enum|\w+MetricFamily)\b")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("services/*/src/**/*.py")
        if making.search(path.read_text(encoding="utf-8"))
    }
    assert found == MAKERS


def test_a_metric_that_the_list_lacks_or_has_otherwise_is_noticed() -> None:
    registry = CollectorRegistry()
    Counter("inference_answers", "Verdicts given.", ["model"], registry=registry)
    Gauge("inference_surprise", "Not in the list.", registry=registry)
    found = constructed(of_registry(registry))
    assert found - listed("inference") == {
        ("inference_answers_total", Kind.COUNTER, ("model",)),
        ("inference_surprise", Kind.GAUGE, ()),
    }


@pytest.mark.parametrize("metric", OWN, ids=lambda each: each.name)
def test_a_metric_is_named_after_its_unit(metric: Metric) -> None:
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    for unit in ("seconds", "bytes"):
        # A counter's unit stands before its `_total`.
        named = metric.name.removesuffix("_total").endswith(f"_{unit}")
        assert named == (metric.unit.split()[0] == unit)
    assert metric.meaning.endswith(".")


def test_each_name_is_in_the_list_once() -> None:
    names = [each.name for each in OWN]
    assert len(set(names)) == len(names)


def test_every_label_is_explained_and_every_explained_one_is_used() -> None:
    assert {label for each in OWN for label in each.labels} == set(LABELS)
