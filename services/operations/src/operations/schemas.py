"""Registers the schemas of the contracts with a Confluent-compatible Schema Registry."""

import json
from collections.abc import Iterator, Sequence
from http import HTTPStatus

import httpx
from payments_contracts.schemas import VERSIONS, schema
from payments_contracts.topics import Topic

from operations.errors import DeploymentError, UnavailableError
from operations.topics import Change


def register_schemas(registry: httpx.Client, topics: Sequence[Topic]) -> Iterator[Change]:
    """Register every version of each topic's record, in order, under the topic's compatibility level.

    The registry's version of a schema has to be the contract's: events carry it as `schema_version`.
    API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html

    Raises:
        DeploymentError: The registry refuses a schema, or holds others than the contracts do.
        UnavailableError: The registry does not answer.
    """
    for topic in topics:
        yield _register(registry, topic)


def _register(registry: httpx.Client, topic: Topic) -> Change:
    versions = VERSIONS[topic.record]
    before = _versions(registry, topic.subject)
    if unknown := sorted(set(before) - set(versions)):
        raise DeploymentError(
            f"{topic.subject}: the registry holds version {unknown[0]}, which contracts/avro/{topic.record} does not. "
            "Check out the contracts that registered it, or register on a new registry."
        )
    _call(registry, "PUT", f"/config/{topic.subject}", {"compatibility": topic.compatibility})
    for version in versions:
        text = schema(topic.record, version)
        if version in before:
            _compare(registry, topic, version, text)
            continue
        _call(registry, "POST", f"/subjects/{topic.subject}/versions", {"schema": text, "schemaType": "AVRO"})
        registered = _versions(registry, topic.subject)
        if version not in registered:
            raise DeploymentError(
                f"{topic.subject}: version {version} of {topic.record} became version {registered[-1]} of the registry."
            )
    added = [version for version in versions if version not in before]
    if not added:
        return Change(topic.subject, "unchanged", f"versions {list(versions)}")
    return Change(topic.subject, "registered", f"versions {added}, {topic.compatibility}")


def _versions(registry: httpx.Client, subject: str) -> list[int]:
    answer = _request(registry, "GET", f"/subjects/{subject}/versions", None)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return []
    return sorted(int(version) for version in _json(answer, subject))


def _compare(registry: httpx.Client, topic: Topic, version: int, text: str) -> None:
    held = _call(registry, "GET", f"/subjects/{topic.subject}/versions/{version}", None)
    if json.loads(held["schema"]) != json.loads(text):
        raise DeploymentError(
            f"{topic.subject}: version {version} in the registry differs from contracts/avro/{topic.record}. "
            "A registered version never changes: put the contract back and add the change as a new version."
        )


def _call(registry: httpx.Client, method: str, path: str, body: object) -> dict[str, str]:
    answer = _request(registry, method, path, body)
    result: dict[str, str] = _json(answer, path)
    return result


def _request(registry: httpx.Client, method: str, path: str, body: object) -> httpx.Response:
    try:
        return registry.request(method, path, json=body)
    except httpx.TransportError as error:
        raise UnavailableError(
            f"The schema registry at {registry.base_url} does not answer ({error}). Is it up? See `make status`."
        ) from error


def _json(answer: httpx.Response, what: str) -> dict[str, str]:
    if answer.is_error:
        raise DeploymentError(f"{what}: the registry answered {answer.status_code}: {answer.text[:500]}")
    result: dict[str, str] = answer.json()
    return result
