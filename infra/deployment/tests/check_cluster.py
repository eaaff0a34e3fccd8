"""The chart on a real API server: strict dry runs, admission, and Helm's releases. `make deployment`.

The server has no nodes and no controllers: nothing is ever started. It is built once, which takes minutes, hence not a
part of `make test`.
"""

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest

from deployment import definitions, manifests, tools
from deployment.__main__ import REPOSITORY

from .apiserver import ApiServer, programs, serving
from .kubernetes import EVERYTHING, LITTLE, resources
from .releases import Client, Jobs, images

CHART = manifests.chart(REPOSITORY)
COMMITTED = manifests.target(REPOSITORY).read_text(encoding="utf-8")
RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}": level
    for mode, level in {"enforce": "restricted", "warn": "restricted", "enforce-version": "latest"}.items()
}
DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "")
STEPS = ["deploy-schemas", "deploy-tables", "deploy-database"]
# Building the server, and getting the definitions, is a part of the first test.
pytestmark = pytest.mark.timeout(3600)

Resource = dict[str, Any]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)  # noqa: T201  # progress of what takes minutes


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    log = tools.places().setup_logs / "apiserver.log"
    say(f"API server and etcd: built once, which takes 9 minutes of processor time; the log is {log}")
    programs()
    say("operators' definitions: got once, and made")
    known = definitions.definitions()
    say("API server: starting")
    with serving(tmp_path_factory.mktemp("apiserver")) as api:
        for each in known:
            api.created(each)
        served(api, [each["metadata"]["name"] for each in known])
        say(f"API server: ready, with {len(known)} definitions")
        yield api


def served(api: ApiServer, names: list[str]) -> None:
    """Wait until kinds that were defined can be asked for."""
    until = time.monotonic() + 120
    missing = set(names)
    while missing:
        assert time.monotonic() < until, f"not served: {sorted(missing)}"
        for each in api.found(*DEFINITION):
            conditions = {known["type"]: known["status"] for known in each["status"]["conditions"] or ()}
            if conditions.get("Established") == "True":
                missing.discard(each["metadata"]["name"])
        time.sleep(0.2)


def namespace(api: ApiServer, name: str) -> str:
    """Make a namespace that takes only pods without rights, with the accounts that a cluster has in it."""
    api.created({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    # The one by a controller, the other by the chart of Flink's operator.
    for account in ("default", "flink"):
        api.created({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}, name)
    return name


@pytest.fixture(scope="session")
def dry(server: ApiServer) -> str:
    """Return a namespace in which nothing ever is."""
    return namespace(server, manifests.NAMESPACE)


@pytest.fixture(scope="session")
def client(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client((manifests.helm().parent, programs()), server, tmp_path_factory.mktemp("client"))


def rendered(name: str) -> list[Resource]:
    options = {"everything": EVERYTHING, "little": LITTLE}
    if name == "committed":
        return resources(COMMITTED)
    return resources(manifests.render(manifests.helm(), CHART, *options[name]))


def pods(found: list[Resource]) -> list[Resource]:
    """Return a pod of each template, as its controller would make it."""
    made = []
    for each in found:
        if each["kind"] in {"Deployment", "Job"}:
            template = each["spec"]["template"]
        elif each["kind"] == "FlinkDeployment":
            template = copy.deepcopy(each["spec"]["podTemplate"])
            # Flink gives its container the image, and the account of the cluster.
            template["spec"]["containers"][0]["image"] = each["spec"]["image"]
            template["spec"]["serviceAccountName"] = each["spec"]["serviceAccount"]
        else:
            continue
        metadata = {"name": each["metadata"]["name"], "labels": template["metadata"]["labels"]}
        spec = {"restartPolicy": "Always"} | template["spec"]
        made.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return made


@pytest.mark.parametrize("request_", ["create", "apply"])
@pytest.mark.parametrize("values", ["committed", "everything", "little"])
def test_the_server_takes_every_document_and_warns_of_none(
    server: ApiServer, dry: str, values: str, request_: str
) -> None:
    found = rendered(values)
    refused = [problem for each in found for problem in server.tried(each, dry, apply=request_ == "apply")]
    say(f"dry run of {len(found)} documents ({values}): {len(refused)} refused")
    assert refused == []


@pytest.mark.parametrize("values", ["committed", "everything", "little"])
def test_a_namespace_that_takes_only_confined_pods_takes_ours(server: ApiServer, dry: str, values: str) -> None:
    made = pods(rendered(values))
    assert len(made) > 10
    assert [problem for each in made for problem in server.tried(each, dry)] == []


def planted(at: tuple[str | int, ...], value: Any) -> Resource:
    """Return the first document of a kind with something else at a path."""
    kind, *path = at
    each = next(each for each in resources(COMMITTED) if each["kind"] == kind)
    place: Any = each
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return each


CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        # Of schemas.
        (("Deployment", "spec", "replica"), 2, 'unknown field "spec.replica"'),
        (("Kafka", "spec", "kafka", "listener"), [], 'unknown field "spec.kafka.listener"'),
        (("FlinkDeployment", "spec", "flinkVersion"), "v9_9", "Unsupported value"),
        # Of what only a server knows.
        (("Deployment", "spec", "selector", "matchLabels"), {"a": "b"}, "does not match template `labels`"),
        (("Deployment", *CONTAINER, "resources"), {"requests": {"cpu": 2}, "limits": {"cpu": 1}}, "cpu limit"),
        (("Deployment", *CONTAINER, "volumeMounts", 0, "name"), "nowhere", "Not found"),
        (("NetworkPolicy", "spec", "podSelector", "matchLabels"), {"a": "b c"}, "Invalid value"),
        (("Service", "spec", "ports", 0, "port"), 80800, "between 1 and 65535"),
        # A warning, of admission.
        (("Deployment", *CONTAINER, "securityContext"), {"runAsUser": 0}, "would violate PodSecurity"),
    ],
)
def test_a_wrong_document_is_refused(
    server: ApiServer, dry: str, at: tuple[str | int, ...], value: Any, said: str
) -> None:
    (problem, *_) = server.tried(planted(at, value), dry)
    assert said in problem


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("securityContext", {"runAsUser": 0}, "runAsNonRoot"),
        ("hostNetwork", True, "host namespaces"),
        ("serviceAccountName", "nobody", 'serviceaccount "nobody" not found'),
    ],
)
def test_a_pod_with_rights_or_of_nobody_is_refused(
    server: ApiServer, dry: str, part: str, value: Any, said: str
) -> None:
    for pod in pods(resources(COMMITTED)):
        pod["spec"][part] = value
        (problem,) = server.tried(pod, dry)
        assert said in problem


def tagged(tag: str) -> tuple[str, ...]:
    return ("--set-string", f"image.tag={tag}")


def kept(server: ApiServer, where: str, kinds: set[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    """Return what a namespace has of kinds, and of each whether it is to outlive the release."""
    return {
        (kind, each["metadata"]["name"]): each["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
        == "keep"
        for api, kind in kinds
        for each in server.found(api, kind, where)
    }


def test_a_release_is_installed_upgraded_and_uninstalled(server: ApiServer, client: Client) -> None:
    where = namespace(server, "released")
    kinds = {(each["apiVersion"], each["kind"]) for each in resources(COMMITTED)}

    with Jobs(server, where) as jobs:
        done = client.helm("install", str(CHART), *tagged("0.1.0"), namespace=where)
    assert done.returncode == 0, done.stderr
    # Kafka is of the same release: all is there, and then the Jobs run.
    assert jobs.names == STEPS
    assert all(set(each.programs) == set(images(server, where)) for each in jobs.ran)
    say(f"installed: {jobs.names}")

    with Jobs(server, where) as jobs:
        done = client.helm("upgrade", str(CHART), *tagged("0.2.0"), namespace=where)
    assert done.returncode == 0, done.stderr
    assert jobs.names == STEPS
    # The Jobs are of the new version, beside programs of the former one.
    assert {each.image.rpartition(":")[2] for each in jobs.ran} == {"0.2.0"}
    assert {image.rpartition(":")[2] for each in jobs.ran for image in each.programs.values()} == {"0.1.0"}
    assert {image.rpartition(":")[2] for image in images(server, where).values()} == {"0.2.0"}
    assert server.found("batch/v1", "Job", where) == []
    say(f"upgraded: {jobs.names}")

    # Schemas and tables go forward only: nothing is run on the way back.
    with Jobs(server, where) as jobs:
        done = client.helm("rollback", namespace=where)
    assert done.returncode == 0, done.stderr
    assert jobs.names == []
    assert {image.rpartition(":")[2] for image in images(server, where).values()} == {"0.1.0"}

    there = kept(server, where, kinds)
    expected = {(each["kind"], each["metadata"]["name"]) for each in resources(COMMITTED) if each["kind"] != "Job"}
    assert set(there) == expected
    done = client.helm("uninstall", namespace=where)
    assert done.returncode == 0, done.stderr
    left = kept(server, where, kinds)
    assert set(left) == {name for name, outlives in there.items() if outlives}
    assert {kind for kind, _ in left} == {"Kafka", "KafkaNodePool", "KafkaTopic", "PersistentVolumeClaim"}

    # A release of the same name takes up what was kept.
    with Jobs(server, where):
        done = client.helm("install", str(CHART), *tagged("0.3.0"), namespace=where)
    assert done.returncode == 0, done.stderr
    assert set(kept(server, where, kinds)) == expected
    say(f"uninstalled, which kept {len(left)}, and installed again")


def test_an_upgrade_whose_job_fails_leaves_the_programs_as_they_are(server: ApiServer, client: Client) -> None:
    where = namespace(server, "failed")
    with Jobs(server, where):
        done = client.helm("install", str(CHART), *tagged("0.1.0"), namespace=where)
    assert done.returncode == 0, done.stderr
    before = images(server, where)
    with Jobs(server, where, failing="payments-deploy-tables") as jobs:
        done = client.helm("upgrade", str(CHART), *tagged("0.2.0"), namespace=where)
    assert done.returncode != 0
    assert "pre-upgrade hooks failed" in done.stderr
    assert jobs.names == STEPS[:2]
    assert images(server, where) == before
    # The next attempt runs all of them again, that which failed included.
    with Jobs(server, where) as jobs:
        done = client.helm("upgrade", str(CHART), *tagged("0.2.0"), namespace=where)
    assert done.returncode == 0, done.stderr
    assert jobs.names == STEPS


def test_without_kafka_of_its_own_a_release_begins_with_its_jobs(server: ApiServer, client: Client) -> None:
    where = namespace(server, "little")
    with Jobs(server, where) as jobs:
        done = client.helm("install", str(CHART), *LITTLE, namespace=where)
    assert done.returncode == 0, done.stderr
    assert jobs.names == ["deploy-topics", *STEPS]
    assert [each.programs for each in jobs.ran] == [{}] * len(jobs.ran)
    assert images(server, where)


def test_everything_is_installed_and_upgraded_to_little(server: ApiServer, client: Client) -> None:
    where = namespace(server, "everything")
    with Jobs(server, where):
        done = client.helm("install", str(CHART), *EVERYTHING, namespace=where)
        assert done.returncode == 0, done.stderr
        scaled = server.found("keda.sh/v1alpha1", "ScaledObject", where)
        assert scaled
        done = client.helm("upgrade", str(CHART), *LITTLE, namespace=where)
        assert done.returncode == 0, done.stderr
    assert server.found("keda.sh/v1alpha1", "ScaledObject", where) == []
    # What Kafka is made of outlives being switched off.
    assert server.found("kafka.strimzi.io/v1", "Kafka", where)


def documented(title: str) -> list[str]:
    """Return the lines of the commands under a title of the documents."""
    text = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    commands: str = text.partition(f"\n### {title}\n")[2].partition("```sh\n")[2].partition("```")[0]
    return commands.strip().splitlines()


def test_without_helm_the_documented_commands_do_the_same(server: ApiServer, client: Client) -> None:
    where = namespace(server, "plain")
    lines = [each.replace("--namespace payments", f"--namespace {where}") for each in documented("Without Helm")]
    render, jobs_named, delete, *_, rest = lines
    assert len(lines) == 6
    expected = {(each["kind"], each["metadata"]["name"]) for each in resources(COMMITTED)}
    kinds = {(each["apiVersion"], each["kind"]) for each in resources(COMMITTED)}

    # The first time, as the documents say, without the two lines in the middle.
    with Jobs(server, where) as jobs:
        client.shell("\n".join([render.replace("0.2.0", "0.1.0"), jobs_named, delete, rest]))
        jobs.wait_for(len(STEPS))
    assert set(kept(server, where, kinds)) == expected
    with Jobs(server, where) as jobs:
        client.shell("\n".join(lines))
    assert set(jobs.names) == set(STEPS)
    assert {each.image.rpartition(":")[2] for each in jobs.ran} == {"0.2.0"}
    assert {image.rpartition(":")[2] for each in jobs.ran for image in each.programs.values()} == {"0.1.0"}
    now = images(server, where)
    assert {image.rpartition(":")[2] for image in now.values()} == {"0.2.0"}
    assert all(image.startswith("registry.my.org/payments/") for image in now.values())
    say("applied and applied anew, by kubectl")
