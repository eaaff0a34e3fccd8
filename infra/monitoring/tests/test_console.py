"""What the console asks of Prometheus is what there is."""

import pytest
import yaml
from monitoring.promql import unknown
from monitoring.rules import files
from monitoring.slos import SLOS
from operations.console import metrics

RECORDED = {
    rule["record"]
    for _, text in files()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "record" in rule
}


@pytest.mark.parametrize(
    "query",
    [metrics.quantiles(), metrics.counts(), metrics.MISSED, metrics.BUDGET, *metrics.LAST_UP],
    ids=["quantiles", "counts", "missed", "budget", "programs", "servers"],
)
def test_a_query_reads_only_what_there_is(query: str) -> None:
    assert unknown(query, RECORDED) == set()


def test_a_series_that_nobody_shows_is_found() -> None:
    assert unknown(metrics.quantiles().replace("_bucket", "_buckets"), RECORDED)


def test_each_objective_about_a_hop_is_one_of_those_that_are_promised() -> None:
    assert {slo for _, _, slo in metrics.HOPS.values()} <= {each.name for each in SLOS}
