"""The chart by Helm itself: `make deployment`. Where there is no Helm it is built, hence not a part of `make test`."""

from pathlib import Path

import pytest
import yaml
from stack.errors import StackError

from deployment import manifests
from deployment.__main__ import REPOSITORY

from .kubernetes import EVERYTHING, LITTLE, given, pods, problems, resources

CHART = manifests.chart(REPOSITORY)


@pytest.fixture(scope="session")
def helm() -> Path:
    return manifests.helm()


def render(helm: Path, *options: str) -> list[dict[str, object]]:
    return resources(manifests.render(helm, CHART, *options))


def test_lint_has_nothing_to_say(helm: Path) -> None:
    said = manifests.run(helm, "lint", str(CHART), "--strict", "--kube-version", manifests.KUBERNETES)
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


def test_what_is_committed_is_what_helm_renders(helm: Path) -> None:
    committed = manifests.target(REPOSITORY).read_text(encoding="utf-8")
    assert manifests.manifests(helm, CHART) == committed, "run `.venv/bin/python -m deployment manifests`"


@pytest.mark.parametrize("options", [EVERYTHING, LITTLE], ids=["everything", "little"])
def test_other_choices_are_manifests_that_kubernetes_takes(helm: Path, options: tuple[str, ...]) -> None:
    assert problems(render(helm, *options)) == []


def test_lag_scales_the_consumer_where_there_is_keda(helm: Path) -> None:
    (scaled,) = (each for each in render(helm, *EVERYTHING) if each["kind"] == "ScaledObject")
    (kafka,) = (each for each in yaml.safe_load(yaml.safe_dump(scaled))["spec"]["triggers"] if each["type"] == "kafka")
    assert kafka["metadata"]["consumerGroup"] == "orchestrator"
    assert kafka["metadata"]["topic"]


def test_without_strimzi_topics_are_applied_first_and_before_the_programs(helm: Path) -> None:
    made = render(helm, *LITTLE)
    jobs = yaml.safe_load(yaml.safe_dump([each for each in made if each["kind"] == "Job"]))
    (topics,) = (each for each in jobs if each["metadata"]["name"].endswith("topics"))
    assert topics["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert topics["metadata"]["annotations"]["helm.sh/hook-weight"] == "0"
    (container,) = pods(made)["payments-deploy-topics"]["containers"]
    assert {"name": "TOPICS_MOST_REPLICAS", "value": "1"} in container["env"]
    assert not [each for each in made if str(each["apiVersion"]).startswith("kafka.")]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("providers[0].name=nobody", "the contracts have no provider nobody"),
        ("gateway.replica=3", "replica"),
        ("logLevel=LOUD", "logLevel"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Path, option: str, said: str) -> None:
    values = given("providers[0].secretName=a", "providers[0].notificationUrl=https://a.example", option)
    with pytest.raises(StackError, match=said):
        render(helm, *values)
