import pytest
from normalizer.counters import MAX_EVENT_TYPES, OutcomeCounters, parse, read, written
from normalizer.metrics import NormalizerMetrics
from prometheus_client import CollectorRegistry, generate_latest

from services.normalizer.tests.groups import FakeGroup


def counted() -> tuple[OutcomeCounters, dict[str, float]]:
    values: dict[str, float] = {}
    return OutcomeCounters(FakeGroup(values, ("PythonCorrelate[2]",))), values


def test_counts_a_rejected_event_once_and_each_distinct_reason_once() -> None:
    counters, values = counted()

    counters.rejected(["field_missing", "amount_negative", "field_missing"])

    assert parse(values) == {
        ("rejected", ""): 1,
        ("rejection", "field_missing"): 1,
        ("rejection", "amount_negative"): 1,
    }


def test_counts_unsupported_events_by_type() -> None:
    counters, values = counted()

    counters.unsupported("charge.dispute.created")
    counters.unsupported("charge.dispute.created")
    counters.normalized()

    assert parse(values) == {("unsupported", "charge.dispute.created"): 2, ("normalized", ""): 1}


def test_counts_what_is_unmapped_on_purpose_apart() -> None:
    counters, values = counted()

    counters.unsupported("product.updated", on_purpose=True)
    counters.unsupported("planet.updated")

    assert parse(values) == {("unmapped", "product.updated"): 1, ("unsupported", "planet.updated"): 1}


def test_odd_event_types_share_one_counter() -> None:
    counters, values = counted()

    counters.unsupported("charge,refunded\n")
    counters.unsupported("x" * 3 + "{}")
    counters.unsupported("x" * 101)
    counters.unsupported("card_4242424242424242")

    assert parse(values) == {("unsupported", "other"): 4}


@pytest.mark.parametrize("label", ["charge.dispute.created", "PAYMENT.CAPTURE.DENIED", "a-b_c:d/e", "-2E"])
def test_labels_keep_their_name_in_a_metrics_name(label: str) -> None:
    assert read(written(label)) == label
    assert not set(" .:,") & set(written(label))


def test_event_types_beyond_the_limit_share_one_counter() -> None:
    counters, values = counted()

    for number in range(MAX_EVENT_TYPES + 5):
        counters.unsupported(f"type.n{number}")
    counters.unsupported("type.n0")

    found = parse(values)
    assert found["unsupported", "other"] == 5
    assert found["unsupported", "type.n0"] == 2


def test_ignores_metrics_of_flink_itself() -> None:
    assert parse({"PythonCorrelate[2].numRecordsIn": 4.0, "numBytesOut": 1.0}) == {}


def test_shows_counters_to_prometheus() -> None:
    registry = CollectorRegistry()
    metrics = NormalizerMetrics(registry)

    metrics.events.update(
        {("normalized", ""): 7, ("rejection", "field_missing"): 2, ("unsupported", "a.b"): 3, ("unmapped", "a.c"): 4}
    )

    text = generate_latest(registry).decode()
    assert "normalizer_normalized_total 7.0" in text
    assert "normalizer_rejected_total 0.0" in text
    assert 'normalizer_rejections_total{reason_code="field_missing"} 2.0' in text
    assert 'normalizer_unsupported_total{event_type="a.b"} 3.0' in text
    assert 'normalizer_unmapped_total{event_type="a.c"} 4.0' in text
