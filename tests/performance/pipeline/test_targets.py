from dataclasses import replace

from tests.performance.pipeline.phases import NORMALIZED
from tests.performance.pipeline.targets import TARGETS, Relation, judge

RELATIONS: tuple[Relation, ...] = ("<", "<=", ">=")


def results(p99: float, refused: int) -> dict[str, object]:
    return {"rates": {"10": {"latency_ms": {NORMALIZED: {"p99": p99}}}}, "burst": {"refused": {"all": refused}}}


def test_only_what_was_measured_is_judged() -> None:
    judged = [(target.name, target.source, is_met) for target, _, is_met in judge(results(170.0, 0))]
    assert judged == [
        (f"10/s {NORMALIZED} p99", "aim", False),
        (f"10/s {NORMALIZED} p99", "outline", True),
        ("burst refused", "aim", True),
    ]


def test_a_refused_webhook_misses_the_target() -> None:
    assert [is_met for _, _, is_met in judge(results(10.0, 1))] == [True, True, False]


def test_a_figure_at_its_limit_is_judged_as_the_relation_says() -> None:
    below, most, least = (replace(TARGETS[0], relation=relation, limit=30) for relation in RELATIONS)
    assert [each.is_met(30) for each in (below, most, least)] == [False, True, True]


def test_no_target_is_named_twice() -> None:
    names = [(target.name, target.source) for target in TARGETS]
    assert len(names) == len(set(names))
