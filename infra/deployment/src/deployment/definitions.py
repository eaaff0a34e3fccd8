"""What operators say of their resources: CustomResourceDefinitions, and the strict schemas in them.

Nothing of it is committed. Strimzi's are made by the generator of its own release, Flink's are in the jar of its
operator's API, those of Prometheus' operator and of KEDA in their Go modules; infra/local pins all by checksum.
"""

import copy
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import jsonschema
import yaml
from stack.errors import StackError
from stack.tools.golang import find_go

from deployment import tools

Definition = dict[str, Any]
Kind = tuple[str, str]
"""The apiVersion and the kind of a resource."""

# Of the Java package of Strimzi's types.
_STRIMZI = {
    name: f"io.strimzi.api.kafka.model.{package}"
    for name, package in {
        "kafkas": "kafka.Kafka",
        "kafkanodepools": "nodepool.KafkaNodePool",
        "kafkatopics": "topic.KafkaTopic",
        "kafkausers": "user.KafkaUser",
    }.items()
}
_GENERATOR = "io.strimzi.crdgenerator.CrdGenerator"
_FLINK = re.compile(r"META-INF/fabric8/.*-v1\.yml")
# The newest API of Flink's operator that is to be had is older than Flink 2, which the operator knows since 1.11;
# 2.3 it knows since 1.15.
_NEWER_FLINK = ("v2_0", "v2_1", "v2_2", "v2_3")
_MODULES = {
    "github.com/prometheus-operator/prometheus-operator": "example/prometheus-operator-crd",
    "github.com/kedacore/keda/v2": "config/crd/bases",
}


def definitions() -> list[Definition]:
    """Return the definitions of every kind of resource that the chart may make and that is an operator's.

    Raises:
        StackError: They could not be had: no JDK, no Maven, no network at the first time.
    """
    return [_with_newer_flink(each) for text in _texts() for each in yaml.load_all(text, _Loader) if each]


def schemas(found: Iterable[Definition]) -> dict[Kind, dict[str, Any]]:
    """Return a JSON Schema for each kind that is served, which refuses fields that its operator does not know."""
    return {
        (f"{each['spec']['group']}/{version['name']}", each["spec"]["names"]["kind"]): _resource(
            version["schema"]["openAPIV3Schema"]
        )
        for each in found
        for version in each["spec"]["versions"]
        if version["served"]
    }


def problems(resource: Mapping[str, Any], known: Mapping[Kind, dict[str, Any]]) -> list[str]:
    """Return what the schema of its operator says of a resource; a kind that none has is a problem, too."""
    kind = (resource["apiVersion"], resource["kind"])
    if kind not in known:
        return [f"{kind[1]} {resource['metadata']['name']}: no operator is known to define {kind[0]} {kind[1]}"]
    # Booleans for exclusive bounds, as in OpenAPI 3.0.
    errors = jsonschema.Draft4Validator(known[kind]).iter_errors(resource)
    return [f"{kind[1]} {resource['metadata']['name']} {error.json_path}: {error.message[:300]}" for error in errors]


def _texts() -> Iterator[str]:
    jars = tools.jars("crds")
    yield from _strimzi(jars)
    (operator,) = jars.glob("flink-kubernetes-operator-api-*.jar")
    with ZipFile(operator) as content:
        yield from (content.read(name).decode() for name in sorted(content.namelist()) if _FLINK.fullmatch(name))
    for module, folder in _MODULES.items():
        for path in sorted((_module(module) / folder).glob("*.yaml")):
            yield path.read_text(encoding="utf-8")


def _strimzi(jars: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="payments-crds-") as folder:
        made = {Path(folder) / f"{name}.yaml": of for name, of in _STRIMZI.items()}
        command: list[str | Path] = [tools.java_home() / "bin" / "java", "-cp", f"{jars}/*", _GENERATOR]
        command += ["--target-kube", "1.33+", "--crd-api-version", "v1", "--yaml"]
        tools.task("crds").run([*command, *(f"{of}={path}" for path, of in made.items())])
        yield from (path.read_text(encoding="utf-8") for path in made)


def _module(path: str) -> Path:
    """Return the directory of a Go module's files, as go.sum has them."""
    places = tools.places()
    here = places.infra / "go" / "operators"
    found = re.search(rf"^\s*{re.escape(path)} (v\S+)$", (here / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise StackError(f"{here / 'go.mod'} does not require {path}.")
    program = find_go() or tools.installed(tools.golang()) / "go" / "bin" / "go"
    cached = {"GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw", "GOMODCACHE": str(places.cache / "go" / "modules")}
    done = subprocess.run(
        [str(program), "mod", "download", "-json", f"{path}@{found[1]}"],
        env=os.environ | cached,
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"go mod download {path}: {(done.stderr or done.stdout).strip()}")
    return Path(json.loads(done.stdout)["Dir"])


def _with_newer_flink(definition: Definition) -> Definition:
    if definition["metadata"]["name"] == "flinkdeployments.flink.apache.org":
        for version in definition["spec"]["versions"]:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
            spec["flinkVersion"]["enum"] += [each for each in _NEWER_FLINK if each not in spec["flinkVersion"]["enum"]]
    return definition


def _resource(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a whole resource: what every one has is Kubernetes' own, whether it is described or not."""
    made = _closed(schema)
    common = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    return made | {"properties": made["properties"] | common}


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema of OpenAPI as JSON Schema, closed as an API server closes it for a strict request."""
    made = {name: copy.copy(value) for name, value in schema.items() if name != "format"}
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    for name, value in schema.items():
        match name, value:
            case "properties", dict():
                made[name] = {key: _closed(each) for key, each in value.items()}
            case (("items" | "additionalProperties"), dict()):
                made[name] = _closed(value)
    open_ = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource")
    if "properties" in made and not open_:
        made.setdefault("additionalProperties", False)
    if schema.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    return made


class _Loader(yaml.CSafeLoader):
    """YAML in which a bare `=` is a text, as operators of matchers write it, and no type of its own."""


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:value", _scalar)
