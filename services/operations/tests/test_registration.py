"""Registration and drift, against a registry in memory and against servers in trouble."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from operations.drift import Kind, Subject, compare, difference, strangers
from operations.errors import DeploymentError, UnavailableError
from operations.registry import Held, SchemaRegistry
from operations.schemas import find_drift, register_schemas, subject_of
from operations.testing import MemoryRegistry, RegistrationBehaviour, add, kinds, record
from payments_contracts.schemas import VERSIONS
from payments_contracts.topics import TOPICS

URL = "http://registry/api"
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def memory() -> MemoryRegistry:
    return MemoryRegistry()


def within_base(answer: Answer) -> httpx.MockTransport:
    def strip(request: httpx.Request) -> httpx.Response:
        below = request.url.copy_with(raw_path=request.url.raw_path.removeprefix(b"/api"))
        return answer(httpx.Request(request.method, below, content=request.content))

    return httpx.MockTransport(strip)


@pytest.fixture
def registry(memory: MemoryRegistry) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(URL, transport=within_base(memory.handle)) as registry:
        yield registry


@pytest.fixture
def api(memory: MemoryRegistry) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=URL, transport=within_base(memory.handle)) as client:
        yield client


@pytest.fixture
def subject() -> Subject:
    return Subject("ours.things-value", "thing", "FULL_TRANSITIVE", (record(), record("second")))


class TestMemoryRegistry(RegistrationBehaviour):
    """What the real registry is asked to do in tests/integration, without a server."""


def test_every_topic_of_the_contracts_has_all_versions_of_its_record(registry: SchemaRegistry) -> None:
    subjects = [subject_of(topic) for topic in TOPICS]
    assert {change.action for change in register_schemas(registry, subjects)} == {"registered"}
    assert find_drift(registry, subjects) == ()
    assert [len(each.schemas) for each in subjects if each.record == "payment_event"] == [
        len(VERSIONS["payment_event"])
    ]


def test_looking_for_drift_writes_nothing(registry: SchemaRegistry, subject: Subject, memory: MemoryRegistry) -> None:
    find_drift(registry, [subject])
    assert memory.writes == []


def test_registering_again_writes_nothing(registry: SchemaRegistry, subject: Subject, memory: MemoryRegistry) -> None:
    list(register_schemas(registry, [subject]))
    memory.writes.clear()
    list(register_schemas(registry, [subject]))
    assert memory.writes == []


def test_a_version_below_the_newest_cannot_be_registered_late(subject: Subject) -> None:
    texts = (*subject.schemas, record("second", "third"))
    purged = Held(subject.name, "FULL_TRANSITIVE", {1: texts[0], 3: texts[2]}, frozenset())
    (drift,) = compare(replace(subject, schemas=texts), purged)
    assert (drift.kind, drift.version, drift.is_conflict) == (Kind.VERSION_MISSING, 2, True)
    assert "would register the next schema as 4" in drift.detail


ONE, TWO, OTHER = record(), record("second"), record("other")
LEVEL = "FULL_TRANSITIVE"
NAME = "ours.things-value"
# What the registry holds, by the one thing that disagrees.
HOLDS = {
    Kind.SUBJECT_MISSING: Held(NAME, None, {}, frozenset()),
    Kind.SUBJECT_UNKNOWN: Held("ours.stray-value", LEVEL, {1: ONE}, frozenset()),
    Kind.VERSION_MISSING: Held(NAME, LEVEL, {1: ONE}, frozenset()),
    Kind.VERSION_UNKNOWN: Held(NAME, LEVEL, {1: ONE, 2: TWO, 3: OTHER}, frozenset()),
    Kind.VERSION_DELETED: Held(NAME, LEVEL, {1: ONE}, frozenset({2})),
    Kind.SCHEMA_DIFFERENT: Held(NAME, LEVEL, {1: ONE, 2: OTHER}, frozenset()),
    Kind.COMPATIBILITY_DIFFERENT: Held(NAME, "NONE", {1: ONE, 2: TWO}, frozenset()),
}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_drift_says_what_to_do(kind: Kind, subject: Subject) -> None:
    held = HOLDS[kind]
    [drift] = compare(subject, held) if held.subject == subject.name else strangers([subject], [held.subject])
    assert (drift.subject, drift.kind) == (held.subject, kind)
    assert drift.remedy
    assert str(drift) == f"{drift.subject}: {drift.detail} [{kind}] → {drift.remedy}"


def test_a_schema_that_the_registry_takes_for_an_earlier_one_is_an_error(
    registry: SchemaRegistry, subject: Subject
) -> None:
    same = replace(subject, schemas=(subject.schemas[0], json.dumps(json.loads(subject.schemas[0]))))
    with pytest.raises(DeploymentError, match="took version 2 of thing, but not as that version"):
        list(register_schemas(registry, [same]))


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_registry_that_goes_away_half_way_is_named_with_how_far_it_came(
    memory: MemoryRegistry, subject: Subject, stop_after: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and len(memory.writes) == stop_after:
            raise httpx.ConnectError("refused", request=request)
        return memory.handle(request)

    with (
        SchemaRegistry(URL, transport=within_base(answer)) as registry,
        pytest.raises(UnavailableError, match=r"http://registry/api does not answer .*Is it up") as caught,
    ):
        list(register_schemas(registry, [subject]))
    steps = [f"{subject.name} FULL_TRANSITIVE", f"{subject.name} version 1"][:stop_after]
    said = f"Done before that: {', '.join(steps)}." if steps else "Nothing was changed before that."
    assert said in str(caught.value)
    with SchemaRegistry(URL, transport=within_base(memory.handle)) as back:
        list(register_schemas(back, [subject]))
        assert find_drift(back, [subject]) == ()


@pytest.mark.parametrize(
    ("status", "content", "error", "message"),
    [
        (503, b"", UnavailableError, "it answers 503"),
        (200, b"<html>", DeploymentError, "not a schema registry"),
        (200, b'{"status": "up"}', DeploymentError, "not a schema registry"),
        (404, b'{"detail": "no such page"}', DeploymentError, "answers 404 .* is not a schema registry"),
        (401, b"", DeploymentError, "wants credentials"),
        (403, b'{"error_code": 40301, "message": "not you"}', DeploymentError, "refused: 403 not you"),
    ],
)
def test_an_answer_that_is_not_a_registrys_is_one_clear_sentence(
    subject: Subject, status: int, content: bytes, error: type[Exception], message: str
) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=content))
    with SchemaRegistry(URL, transport=transport) as registry, pytest.raises(error, match=message):
        find_drift(registry, [subject])


def test_credentials_in_the_address_are_sent_and_never_shown(subject: Subject) -> None:
    sent: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("Authorization", ""))
        return httpx.Response(503)

    with (
        SchemaRegistry("http://deployer:hunter2@registry", transport=httpx.MockTransport(refuse)) as registry,
        pytest.raises(UnavailableError) as caught,
    ):
        find_drift(registry, [subject])
    assert sent[0].startswith("Basic ")
    assert "hunter2" not in str(caught.value)


def test_an_address_that_is_none_is_one_clear_sentence() -> None:
    with pytest.raises(DeploymentError, match="SCHEMA_REGISTRY_URL is not a URL"):
        SchemaRegistry("http://registry:port")


@pytest.mark.parametrize(
    ("held", "place"),
    [
        (record("a", "b"), None),
        (record("a", "b", doc="Else."), 'doc is "Else.", the contract says "A thing."'),
        (record("a"), 'fields is ["key", "a"], the contract says ["key", "a", "b"]'),
        (record("a", "c"), 'fields is ["key", "a", "c"], the contract says ["key", "a", "b"]'),
        (record("a", "b").replace('"default": null', '"default": "x"', 1), 'fields[a].default is "x"'),
        (record("a", "b").replace('"string"}', '"bytes"}', 1), 'fields[key].type is "bytes"'),
        (record("a", "b").replace('"doc": "A thing.", ', ""), "the registry's has no doc"),
        (record("a", "b").replace('"doc"', '"namespace": "x", "doc"'), "only the registry's has namespace"),
        ("<html>", "the registry's is not JSON"),
        ('"string"', 'the schema is "string"'),
    ],
)
def test_the_first_place_where_schemas_differ_is_named(held: str, place: str | None) -> None:
    found = difference(record("a", "b"), held)
    assert found == place if place is None else found is not None and found.startswith(place)


def test_two_kinds_of_drift_are_reported_at_once(registry: SchemaRegistry, subject: Subject, api: httpx.Client) -> None:
    add(api, subject.name, record("other"))
    assert kinds(find_drift(registry, [subject])) == [
        (Kind.COMPATIBILITY_DIFFERENT, None),
        (Kind.SCHEMA_DIFFERENT, 1),
        (Kind.VERSION_MISSING, 2),
    ]
