"""Resources of operators, against what the operators say of them: `make deployment`.

The definitions are got once, which takes a JDK, Maven and Go, hence not a part of `make test`.
"""

import copy
from typing import Any

import pytest

from deployment import definitions, manifests
from deployment.__main__ import REPOSITORY
from deployment.definitions import Kind

from .kubernetes import EVERYTHING, FOREIGN, resources

CHART = manifests.chart(REPOSITORY)
COMMITTED = resources(manifests.target(REPOSITORY).read_text(encoding="utf-8"))

Known = dict[Kind, dict[str, Any]]


@pytest.fixture(scope="session")
def known() -> Known:
    return definitions.schemas(definitions.definitions())


def foreign(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in found if each["apiVersion"] in FOREIGN]


def test_operators_take_all_that_is_rendered(known: Known) -> None:
    assert {each["apiVersion"] for each in foreign(COMMITTED)} == FOREIGN - {"keda.sh/v1alpha1"}
    assert [problem for each in foreign(COMMITTED) for problem in definitions.problems(each, known)] == []


def test_operators_take_all_that_can_be_switched_on(known: Known) -> None:
    made = resources(manifests.render(manifests.helm(), CHART, *EVERYTHING))
    assert "ScaledObject" in {each["kind"] for each in made}
    assert [problem for each in foreign(made) for problem in definitions.problems(each, known)] == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Kafka", ("spec", "kafka", "listener"), []),
        ("KafkaTopic", ("spec", "partitions"), "six"),
        ("KafkaUser", ("spec", "authorization", "acls", 0, "resource", "type"), "topics"),
        ("KafkaNodePool", ("spec", "roles"), ["leader"]),
        ("FlinkDeployment", ("spec", "flinkVersion"), "v9_9"),
        ("FlinkDeployment", ("spec", "taskmanager"), {}),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0, "alerts"), "x"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "intervals"), "15s"),
        ("PodMonitor", ("spec", "selector"), None),
    ],
)
def test_a_wrong_field_of_each_kind_is_refused(
    known: Known, kind: str, path: tuple[str | int, ...], value: Any
) -> None:
    planted = copy.deepcopy(next(each for each in COMMITTED if each["kind"] == kind))
    place: Any = planted
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert definitions.problems(planted, known)


def test_a_kind_that_nobody_defines_is_refused(known: Known) -> None:
    stray = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopics", "metadata": {"name": "a"}}
    assert "no operator is known to define" in definitions.problems(stray, known)[0]
