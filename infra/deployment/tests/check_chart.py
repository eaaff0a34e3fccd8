"""The chart by Helm itself: `make deployment`. Where there is no Helm it is built, hence not a part of `make test`."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from stack.errors import StackError

from deployment import manifests
from deployment.__main__ import REPOSITORY

from .kubernetes import EVERYTHING, LITTLE, SECURED, given, pods, problems, resources
from .programs import IN_IMAGES, SETTINGS

CHART = manifests.chart(REPOSITORY)
# Variables by which a client says who it is.
ASKING = (
    *("KAFKA_SASL", "KAFKA_TLS", "SCHEMA_REGISTRY_", "TEMPORAL_TLS", "TEMPORAL_API_KEY"),
    *("TRINO_TLS", "TRINO_PASSWORD"),
)


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


def test_volumes_are_watched_in_the_namespaces_of_their_servers_too(helm: Path) -> None:
    options = given("monitoring.rules.volumeNamespaces={kafka,postgres}")
    made = yaml.safe_load(yaml.safe_dump([each for each in render(helm, *options) if each["kind"] == "PrometheusRule"]))
    rules = [rule for each in made for group in each["spec"]["groups"] for rule in group["rules"]]
    namespaces = {found for rule in rules for found in re.findall(r'kubelet_\w+\{namespace=~"([^"]*)"', rule["expr"])}
    assert namespaces == {"payments|kafka|postgres"}
    assert "_NAMESPACE" not in yaml.safe_dump(made)


def commands() -> list[tuple[str, ...]]:
    """Return the options of the documents' three commands of an upgrade, in their order."""
    text = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    held = re.findall(r'^held="(.+)"$', text, re.MULTILINE)[0]
    return [
        tuple(each.replace("$held", held).split()) for each in re.findall(r"^\$upgrade ([^#\n]+)", text, re.MULTILINE)
    ]


def test_an_upgrade_as_documented_has_consumers_before_producers(helm: Path) -> None:
    tags = []
    for options in commands():
        made = yaml.safe_load(yaml.safe_dump(render(helm, *options)))
        found = {name: pod["containers"][0]["image"].rpartition(":")[2] for name, pod in pods(made).items()}
        found |= {
            each["metadata"]["name"]: each["spec"]["image"].rpartition(":")[2]
            for each in made
            if "Flink" in each["kind"]
        }
        tags.append({name.removeprefix("payments-"): tag for name, tag in found.items()})
    new = [{name for name, tag in each.items() if tag == "0.2.0"} for each in tags]
    producers = {f"{part}-{name}" for part in ("gateway", "normalizer", "flink") for name in ("stripe", "square")}
    assert new[2] == set(tags[2])
    assert new[2] - new[1] == producers | {"dagster"}
    assert new[1] - new[0] == {"orchestrator-consumer"}
    assert {"deploy-schemas", "deploy-tables", "deploy-database", "orchestrator-worker", "watch"} <= new[0]


def test_a_digest_of_a_component_is_before_all_others(helm: Path) -> None:
    digest = f"sha256:{'0' * 64}"
    options = given(
        "image.tags.orchestrator=v1", f"image.digests.orchestrator-worker={digest}", "image.digests.gateway=" + digest
    )
    found = {name: pod["containers"][0]["image"] for name, pod in pods(render(helm, *options)).items()}
    assert found["payments-orchestrator-worker"].endswith(f"/orchestrator@{digest}")
    assert found["payments-orchestrator-committer"].endswith("/orchestrator:v1")
    assert found["payments-gateway-stripe"].endswith(f"/gateway@{digest}")
    assert found["payments-inference"].endswith(":0.1.0")


@pytest.mark.parametrize(("brokers", "expected"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 2)), (5, (3, 2))])
def test_a_topic_can_be_written_with_as_many_brokers_as_there_are(
    helm: Path, brokers: int, expected: tuple[int, int]
) -> None:
    made = yaml.safe_load(yaml.safe_dump(render(helm, *given(f"kafka.strimzi.brokers={brokers}"))))
    topics = [each["spec"] for each in made if each["kind"] == "KafkaTopic"]
    found = {(topic["replicas"], topic["config"]["min.insync.replicas"]) for topic in topics}
    assert found == {expected}
    # Kafka's own topics, of offsets and transactions, as well.
    (kafka,) = (each["spec"]["kafka"]["config"] for each in made if each["kind"] == "Kafka")
    least = {kafka["min.insync.replicas"], kafka["transaction.state.log.min.isr"]}
    assert (kafka["offsets.topic.replication.factor"], least) == (brokers, {expected[1]})


def addresses(helm: Path, *options: str) -> dict[str, dict[str, str]]:
    """Return where each program that uses the operational database has its address from."""
    found = {}
    for name, pod in pods(yaml.safe_load(yaml.safe_dump(render(helm, *options)))).items():
        for variable in pod["containers"][0]["env"]:
            if variable["name"] == "POSTGRES_DSN":
                found[name.removeprefix("payments-")] = variable["valueFrom"]["secretKeyRef"]
    return found


def test_who_keeps_books_comes_in_to_the_database_with_another_login_than_a_worker(helm: Path) -> None:
    worker, admin = (
        {"name": "payments-postgres", "key": "dsn"},
        {"name": "payments-postgres-admin", "key": "dsn"},
    )
    books = {"name": "payments-postgres", "key": "operations-dsn"}
    asking = ("watch", "dagster", "deploy-schemas", "deploy-tables")
    own = addresses(helm, *given("postgres.operationsDsn.secretName=payments-postgres"))
    assert own == {"orchestrator-worker": worker, "deploy-database": admin, **dict.fromkeys(asking, books)}
    shared = addresses(helm)
    assert shared == {"orchestrator-worker": worker, "deploy-database": admin, **dict.fromkeys(asking, worker)}


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
        ("image.tags.gatway=1", "gatway"),
        ("logLevel=LOUD", "logLevel"),
        ("kafka.security.protocol=TLS", "protocol"),
        ("kafka.strimzi.authorization=true", "kafka.security.protocol"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Path, option: str, said: str) -> None:
    provider = (
        "providers[0].name=stripe",
        "providers[0].secretName=a",
        "providers[0].notificationUrl=https://a.example",
    )
    values = given(*provider, option)
    with pytest.raises(StackError, match=said):
        render(helm, *values)


def variables(pod: dict[str, Any], folder: Path) -> dict[str, str]:
    """Return the environment of a pod's program; what is in a mounted Secret is in a folder instead."""
    (container, *_) = pod["containers"]
    secrets = {each["name"] for each in pod["volumes"] if "secret" in each}
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    found = dict(IN_IMAGES)
    for each in container["env"]:
        value = str(each.get("value", "id:s3cret" if each["name"] == "CATALOG_CREDENTIAL" else "s3cret"))
        if each["name"].endswith(("_CA_FILE", "_CERTIFICATE_FILE", "_KEY_FILE")):
            place, _, file = value.rpartition("/")
            assert mounts[place] in secrets, value
            (folder / file).write_text("PEM", encoding="utf-8")
            value = str(folder / file)
        found[each["name"]] = value
    return found


def test_every_program_comes_in_where_servers_ask_who_it_is(
    helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = yaml.safe_load(yaml.safe_dump(render(helm, *SECURED)))
    users = {each["metadata"]["name"] for each in made if each["kind"] == "KafkaUser"}
    came = set()
    for name, pod in pods(made).items():
        environment = variables(pod, tmp_path)
        with monkeypatch.context() as context:
            for variable, value in environment.items():
                context.setenv(variable, value)
            read = {setting for kind in SETTINGS[name] for setting in kind().model_fields_set}
        unread = {each for each in environment if each.startswith(ASKING)} - {setting.upper() for setting in read}
        assert unread == set(), name
        if user := environment.get("KAFKA_SASL_USERNAME"):
            came.add(user)
            (password,) = (each for each in pod["containers"][0]["env"] if each["name"] == "KAFKA_SASL_PASSWORD")
            assert password["valueFrom"]["secretKeyRef"] == {"name": user, "key": "password"}
    # Dagster comes in as operations, whose command it runs.
    assert came == users - {"payments-analytics"}


def test_keda_asks_kafka_as_the_program_that_it_scales(helm: Path) -> None:
    made = yaml.safe_load(yaml.safe_dump(render(helm, *EVERYTHING)))
    (scaled,) = (each for each in made if each["kind"] == "ScaledObject")
    (trigger,) = (each for each in scaled["spec"]["triggers"] if each["type"] == "kafka")
    assert (trigger["metadata"]["tls"], trigger["metadata"]["sasl"]) == ("enable", "scram_sha512")
    (known,) = (each for each in made if each["kind"] == "TriggerAuthentication")
    assert known["metadata"]["name"] == trigger["authenticationRef"]["name"]
    (container,) = pods(made)[scaled["spec"]["scaleTargetRef"]["name"]]["containers"]
    assert {each["name"] for each in known["spec"]["env"]} <= {each["name"] for each in container["env"]}
    # Where nobody is asked, there is nothing to say.
    assert "TriggerAuthentication" not in {each["kind"] for each in render(helm, *given("keda.enabled=true"))}
