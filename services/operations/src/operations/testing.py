"""A Schema Registry in memory that speaks the Confluent API, and what a deployment does with it and with a real one.

For tests.
"""

# ruff: noqa: S101, D102  # tests assert, and their names say what they are about

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from operations.drift import Drift, Kind, Subject
from operations.errors import DeploymentError
from operations.registry import SchemaRegistry
from operations.schemas import find_drift, register_schemas


@dataclass
class _Kept:
    """A subject: its level, the texts by version, and which of those were deleted."""

    level: str = "NONE"
    texts: list[str] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)

    def living(self) -> list[int]:
        return [version for version in range(1, len(self.texts) + 1) if version not in self.deleted]


class MemoryRegistry:
    """Answers requests; hand `handle` to httpx.MockTransport. `writes` lists what was asked to change.

    Two schemas are compatible when the fields without a default are the same; the real rules are the registry's.
    """

    def __init__(self) -> None:
        self.writes: list[str] = []
        self._kept: dict[str, _Kept] = {}

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Return the registry's answer to a request."""
        path = request.url.raw_path.decode().partition("?")[0]
        body = json.loads(request.content) if request.content else {}
        if request.method != "GET":
            self.writes.append(f"{request.method} {path}")
        match request.method, [unquote(part) for part in path.strip("/").split("/")]:
            case "GET", ["subjects"]:
                return httpx.Response(200, json=[name for name, kept in self._kept.items() if kept.living()])
            case "PUT", ["config", subject]:
                self._kept.setdefault(subject, _Kept()).level = body["compatibility"]
                return httpx.Response(200, json=body)
            case "POST", ["subjects", subject, "versions"]:
                return self._add(self._kept.setdefault(subject, _Kept()), body["schema"])
            case method, [_, subject, *rest] if subject in self._kept:
                return _of_subject(self._kept[subject], method, rest, wants_deleted="deleted" in request.url.params)
        return _refusal(404, 40401, "there is no such subject")

    def _add(self, kept: _Kept, text: str) -> httpx.Response:
        living = {version: kept.texts[version - 1] for version in kept.living()}
        for version, held in living.items():
            if json.loads(held) == json.loads(text):
                return httpx.Response(200, json={"id": version})
        if kept.level != "NONE" and any(_required(held) != _required(text) for held in living.values()):
            return _refusal(409, 409, "incompatible with an earlier schema")
        kept.texts.append(text)
        return httpx.Response(200, json={"id": len(kept.texts)})


def _of_subject(kept: _Kept, method: str, rest: Sequence[str], *, wants_deleted: bool) -> httpx.Response:
    match method, rest:
        case "GET", []:
            return httpx.Response(200, json={"compatibilityLevel": kept.level})
        case "GET", ["versions"]:
            versions = list(range(1, len(kept.texts) + 1)) if wants_deleted else kept.living()
            return httpx.Response(200, json=versions) if versions else _refusal(404, 40401, "no version lives")
        case "GET", ["versions", version] if int(version) in kept.living():
            return httpx.Response(200, json={"schema": kept.texts[int(version) - 1]})
        case "DELETE", ["versions", version]:
            kept.deleted.add(int(version))
            return httpx.Response(200, json=int(version))
    return _refusal(404, 40402, "there is no such version")


def _refusal(status: int, code: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"error_code": code, "message": message})


def _required(text: str) -> set[str]:
    return {each["name"] for each in json.loads(text)["fields"] if "default" not in each}


def record(*fields: str, doc: str = "A thing.") -> str:
    """Return an Avro schema with one required text and optional others."""
    optional: list[dict[str, Any]] = [{"name": name, "type": ["null", "string"], "default": None} for name in fields]
    required = {"name": "key", "type": "string"}
    return json.dumps({"type": "record", "name": "thing", "doc": doc, "fields": [required, *optional]})


class RegistrationBehaviour:
    """What a deployment does, whatever the registry.

    Subclass it where the fixtures are: `api`, a client of the registry, `registry`, and `subject`, whose name begins
    with a word of its own and which the contracts have in two versions.
    """

    def test_every_version_is_registered_in_order_and_a_second_time_changes_nothing(
        self, registry: SchemaRegistry, subject: Subject
    ) -> None:
        assert [change.action for change in register_schemas(registry, [subject])] == ["registered"]
        held = registry.held(subject.name)
        assert [json.loads(held.schemas[version]) for version in (1, 2)] == [json.loads(t) for t in subject.schemas]
        assert held.compatibility == "FULL_TRANSITIVE"
        assert [change.action for change in register_schemas(registry, [subject])] == ["unchanged"]
        assert find_drift(registry, [subject]) == ()

    def test_a_version_more_in_the_contracts_is_added(self, registry: SchemaRegistry, subject: Subject) -> None:
        older = replace(subject, schemas=subject.schemas[:1])
        list(register_schemas(registry, [older]))
        assert kinds(find_drift(registry, [subject])) == [(Kind.VERSION_MISSING, 2)]
        (change,) = register_schemas(registry, [subject])
        assert (change.action, change.detail) == ("registered", "versions [2], FULL_TRANSITIVE")

    def test_a_subject_that_is_missing_is_reported(self, registry: SchemaRegistry, subject: Subject) -> None:
        assert kinds(find_drift(registry, [subject])) == [(Kind.SUBJECT_MISSING, None)]

    def test_another_level_is_reported_and_brought_back(
        self, registry: SchemaRegistry, subject: Subject, api: httpx.Client
    ) -> None:
        list(register_schemas(registry, [subject]))
        api.put(f"/config/{subject.name}", json={"compatibility": "NONE"}).raise_for_status()
        assert kinds(find_drift(registry, [subject])) == [(Kind.COMPATIBILITY_DIFFERENT, None)]
        assert [change.action for change in register_schemas(registry, [subject])] == ["updated"]
        assert find_drift(registry, [subject]) == ()

    def test_another_schema_under_a_version_is_refused_and_left_alone(
        self, registry: SchemaRegistry, subject: Subject, api: httpx.Client
    ) -> None:
        add(api, subject.name, record("other"))
        assert (Kind.SCHEMA_DIFFERENT, 1) in kinds(find_drift(registry, [subject]))
        with pytest.raises(
            DeploymentError, match=r"nothing was changed.\n.*version 1 in the registry is not that of avro/thing/v1"
        ):
            list(register_schemas(registry, [subject]))
        held = registry.held(subject.name)
        assert ([*held.schemas], held.compatibility) == ([1], "NONE")

    def test_a_version_too_many_is_refused_and_left_alone(
        self, registry: SchemaRegistry, subject: Subject, api: httpx.Client
    ) -> None:
        list(register_schemas(registry, [subject]))
        add(api, subject.name, record("second", "third"))
        assert kinds(find_drift(registry, [subject])) == [(Kind.VERSION_UNKNOWN, 3)]
        with pytest.raises(DeploymentError, match="the registry holds version 3, the contracts have no avro/thing/v3"):
            list(register_schemas(registry, [subject]))

    def test_a_conflict_in_one_subject_keeps_the_others_from_being_registered(
        self, registry: SchemaRegistry, subject: Subject, api: httpx.Client
    ) -> None:
        other = replace(subject, name=f"{subject.name}.other")
        add(api, other.name, record("other"))
        with pytest.raises(DeploymentError, match="nothing was changed"):
            list(register_schemas(registry, [subject, other]))
        assert registry.held(subject.name).numbers == frozenset()

    def test_a_deleted_version_is_reported_and_not_registered_under_another_number(
        self, registry: SchemaRegistry, subject: Subject, api: httpx.Client
    ) -> None:
        list(register_schemas(registry, [subject]))
        api.delete(f"/subjects/{subject.name}/versions/2").raise_for_status()
        assert kinds(find_drift(registry, [subject])) == [(Kind.VERSION_DELETED, 2)]
        with pytest.raises(DeploymentError, match="version 2 was deleted in the registry"):
            list(register_schemas(registry, [subject]))
        assert registry.held(subject.name).numbers == {1, 2}

    def test_a_subject_with_our_prefix_that_no_topic_has_is_reported_and_is_in_nobodys_way(
        self, registry: SchemaRegistry, subject: Subject, api: httpx.Client
    ) -> None:
        prefix = subject.name.partition(".")[0]
        add(api, f"{prefix}.stray-value", record())
        add(api, f"{prefix}foreign.stray-value", record())
        changes = [(change.name, change.action) for change in register_schemas(registry, [subject])]
        assert changes == [(subject.name, "registered"), (f"{prefix}.stray-value", "left alone")]
        (drift,) = find_drift(registry, [subject])
        assert (drift.subject, drift.kind) == (f"{prefix}.stray-value", Kind.SUBJECT_UNKNOWN)

    def test_an_incompatible_schema_is_refused_and_what_came_before_stays(
        self, registry: SchemaRegistry, subject: Subject
    ) -> None:
        breaking = json.dumps({"type": "record", "name": "thing", "fields": [{"name": "n", "type": "long"}]})
        with pytest.raises(DeploymentError) as caught:
            list(register_schemas(registry, [replace(subject, schemas=(subject.schemas[0], breaking))]))
        message = str(caught.value)
        assert "version 2 of thing was not registered under FULL_TRANSITIVE. The registry refused: 409" in message
        assert f"Done before that: {subject.name} FULL_TRANSITIVE, {subject.name} version 1." in message
        assert [*registry.held(subject.name).schemas] == [1]

    def test_what_an_error_interrupted_is_completed_by_another_run(
        self, registry: SchemaRegistry, subject: Subject
    ) -> None:
        breaking = json.dumps({"type": "record", "name": "thing", "fields": [{"name": "n", "type": "long"}]})
        with pytest.raises(DeploymentError):
            list(register_schemas(registry, [replace(subject, schemas=(subject.schemas[0], breaking))]))
        assert [change.action for change in register_schemas(registry, [subject])] == ["registered"]
        assert find_drift(registry, [subject]) == ()


def add(api: httpx.Client, subject: str, text: str) -> None:
    """Register a schema past the contracts."""
    api.post(f"/subjects/{subject}/versions", json={"schema": text}).raise_for_status()


def kinds(drift: Sequence[Drift]) -> list[tuple[Kind, int | None]]:
    """Return what disagrees, and in which version."""
    return [(each.kind, each.version) for each in drift]
