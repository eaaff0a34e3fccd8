"""docs/rollout.md and the rollout that test_rollout takes on real servers are the same one; needs none of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, cast

import pytest
from codegen.compat import compat
from codegen.expectation import expectation
from codegen.lint import lint
from codegen.loader import load
from codegen.mapping.plan import plan

from tests.extensibility.added_field import FORMER, LATTER, ROOT, copied, touched
from tests.rollout.agreement import agrees
from tests.rollout.change import BROUGHT, PROVIDERS, bring, gaining
from tests.rollout.pipeline import Pipeline
from tests.rollout.release import Release, Service
from tests.rollout.steps import STEPS, of_page, roll_out
from tests.rollout.traffic import Sent, webhook

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.model import Catalog

PAGE = (ROOT / "docs/rollout.md").read_text()


class Recorder:
    """Notes what is done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def run(self, command: str) -> None:
        self.done.append(command)

    def replace(self, program: str) -> None:
        self.done.append(program)


def test_the_steps_are_those_of_the_page_in_its_words_and_order() -> None:
    assert of_page(PAGE) == STEPS
    assert [step.title[:2] for step in STEPS] == [f"{number}." for number in range(1, 7)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| 2. lake |", "| 3. lake |"),
        ("`payments topics apply`, `payments schemas register`", "`payments schemas register`"),
        ("`payments tables apply`", "`payments tables create`"),
        ("(workers before consumers", "(consumers before workers"),
        ("| 3. database | `payments database apply` |", "3. database"),
    ],
)
def test_an_edit_of_the_page_alone_is_noticed(old: str, new: str) -> None:
    assert PAGE.count(old) == 1
    assert of_page(PAGE.replace(old, new)) != STEPS


def test_a_row_that_goes_before_another_is_noticed() -> None:
    lines = PAGE.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("| 4. "))
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    assert of_page("\n".join(lines)) != STEPS


def test_what_is_taken_is_what_the_page_says_one_after_the_other() -> None:
    recorder, steps = Recorder(), []
    roll_out(recorder, lambda step: steps.append((step.title, len(recorder.done))))
    assert recorder.done == [
        "payments topics apply",
        "payments schemas register",
        "payments tables apply",
        "payments database apply",
        "orchestrator",
        "payments",
        "normalizer",
        "analytics",
        "payments build",
    ]
    assert recorder.done == [each for step in of_page(PAGE) for each in step.taken]
    assert steps == [(step.title, sum(len(each.taken) for each in STEPS[: n + 1])) for n, step in enumerate(STEPS)]


class Running:
    """A program that only says what becomes of it."""

    url = "http://127.0.0.1:1"

    def __init__(self, name: str, done: list[str]) -> None:
        self._name = name
        self._done = done

    def wait_until_ready(self) -> None:
        self._done.append(f"{self._name} is ready")

    def stop(self) -> None:
        self._done.append(f"{self._name} ends")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what releases run and start, instead of doing it."""
    found: list[str] = []

    def run(release: Release, *command: str) -> str:
        found.append(f"{release.folder.name}: {' '.join(each for each in command if '/' not in each)}")
        return ""

    def start(release: Release, name: str, *_: str, **variables: str) -> Service:
        called = " ".join([release.folder.name, name, *(variables[each] for each in variables if "PROVIDER" in each)])
        found.append(f"{called} starts")
        return cast("Service", Running(called, found))

    monkeypatch.setattr(Release, "run", run)
    monkeypatch.setattr(Release, "start", start)
    return found


def test_a_pipeline_takes_each_step_with_the_new_release(done: list[str], tmp_path: Path) -> None:
    settings = {f"GATEWAY_{name.upper()}_SECRETS": "[]" for name in PROVIDERS}
    former, latter = (Release(tmp_path / name, settings) for name in ("former", "latter"))
    pipeline = Pipeline(former, latter, settings, ("one", "two"))
    pipeline.start()
    started = {
        "former inference",
        *(f"former {what} {name}" for what in ("gateway", "normalizer") for name in PROVIDERS),
    }
    assert {f"{each} is ready" for each in (*started, "former orchestrator")} <= set(done)
    assert list(pipeline.gateways) == list(PROVIDERS)

    done.clear()
    roll_out(pipeline, lambda step: done.append(step.title))
    moved = [
        each.format(what)
        for what in (f"normalizer {name}" for name in PROVIDERS)
        for each in ("former {} ends", "latter {} starts", "latter {} is ready")
    ]
    assert done == [
        "latter: payments topics apply",
        "latter: payments schemas register",
        "1. registry",
        "latter: payments tables apply",
        "2. lake",
        "latter: payments database apply",
        "3. database",
        "former orchestrator ends",
        "latter orchestrator starts",
        "latter orchestrator is ready",
        "4. consumers",
        *moved,
        "5. producers",
        "latter: dbt deps --project-dir --profiles-dir",
        "latter: dbt run --project-dir --profiles-dir --select one two",
        "6. models",
    ]


def test_a_build_between_two_steps_is_one_of_the_models_that_are_there(done: list[str], tmp_path: Path) -> None:
    pipeline = Pipeline(Release(tmp_path / "former", {}), Release(tmp_path / "latter", {}), {}, ("one",))
    pipeline.payments("peek")
    pipeline.run("payments build")
    pipeline.replace("payments")
    pipeline.payments("peek")
    assert [each.split()[0] for each in done] == ["former:", "former:", "former:", "latter:"]
    with pytest.raises(ValueError, match="no gateway runs here"):
        pipeline.replace("gateway")


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("brought") / "contracts")
    bring(folder)
    return folder


@pytest.fixture(scope="module")
def latter(contracts: Path) -> Catalog:
    return load(contracts)


def test_the_new_version_keeps_all_rules_and_breaks_nobody(contracts: Path, latter: Catalog) -> None:
    assert lint(latter) == ()
    assert compat(load(ROOT / "contracts"), latter) == ()
    assert {path.split("/")[1] for path in touched(contracts) if path.startswith("providers/")} == set(PROVIDERS)


def test_it_brings_fields_of_several_types_of_two_providers_and_all_of_them_are_compared(latter: Catalog) -> None:
    fields = {
        name: {each.name for each in latter.record("payment_event", number).record.fields}
        for name, number in (("former", LATTER - 1), ("latter", LATTER))
    }
    assert fields["latter"] - fields["former"] == {each.name for each in BROUGHT}
    assert len({each.type for each in BROUGHT}) > 1
    assert len(PROVIDERS) > 1


def test_the_tables_of_silver_that_gain_them_have_what_is_compared_with_them(contracts: Path, latter: Catalog) -> None:
    gained = gaining(contracts)
    assert set(gained.values()) == {frozenset(each.name for each in BROUGHT)}
    assert {name for name in gained if name.startswith("silver.")}
    asked = {"provider", "provider_event_id", "schema_version", "metadata"}
    for table in latter.derived:
        if table.identifier in gained:
            assert asked <= {column.name for column in table.columns}, table.identifier


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_webhook_says_what_its_event_has_in_the_new_fields_and_in_metadata(latter: Catalog, provider: str) -> None:
    dice = random.Random(1)  # noqa: S311 - not for secrets
    ids = set()
    (declared,) = (each for each in latter.providers if each.name == provider)
    planned = plan(latter, declared)
    for number in range(6):
        made = webhook(provider, number, dice)
        ids.add(made.id)
        found = expectation(declared.envelope, planned, made.body, "merch_1", made.headers)
        assert found["outcome"] == "accepted", found
        event = found["expected"]["event"]
        assert event["provider_event_id"] == made.id
        assert {each.name: event[each.name] for each in BROUGHT} == {
            each.name: made.told.get(each.name) for each in BROUGHT
        }
        for each in BROUGHT:
            if each.provider == provider:
                assert event["metadata"][each.key] == each.in_metadata(made.told[each.name])
    assert len(ids) == 6


def rows_of(sent: list[Sent]) -> list[dict[str, Any]]:
    """Return the rows that have to be there, the first half of them of the former version."""
    return [
        {
            "provider": each.provider,
            "provider_event_id": each.id,
            "schema_version": LATTER if number >= len(sent) // 2 else FORMER,
            "metadata": {
                field.key: field.in_metadata(each.told[field.name]) for field in BROUGHT if field.name in each.told
            },
            **{field.name: each.told.get(field.name) if number >= len(sent) // 2 else None for field in BROUGHT},
        }
        for number, each in enumerate(sent)
    ]


@pytest.fixture
def sent() -> list[Sent]:
    return [
        Sent(name, f"{name}-{number}", {each.name: each.told(number) for each in BROUGHT if each.provider == name}, 200)
        for number in range(3)
        for name in PROVIDERS
    ]


def test_rows_agree_where_each_webhook_is_there_once_with_all_that_it_said(sent: list[Sent]) -> None:
    agrees(sent, rows_of(sent))


@pytest.mark.parametrize("field", [each.name for each in BROUGHT])
@pytest.mark.parametrize("version", [FORMER, LATTER])
def test_rows_disagree_in_any_field_that_was_brought(sent: list[Sent], field: str, version: int) -> None:
    (provider,) = (each.provider for each in BROUGHT if each.name == field)
    rows = rows_of(sent)
    row = next(each for each in rows if (each["provider"], each["schema_version"]) == (provider, version))
    row[field] = None if version == LATTER else "of the former version it says nothing"
    with pytest.raises(AssertionError):
        agrees(sent, rows)


@pytest.mark.parametrize("what", ["lost", "twice", "of one version", "gone from metadata"])
def test_rows_disagree_where_one_is_lost_or_there_twice(sent: list[Sent], what: str) -> None:
    rows = rows_of(sent)
    match what:
        case "lost":
            del rows[0]
        case "twice":
            rows.append(rows[0])
        case "of one version":
            rows = [each | {"schema_version": FORMER} | dict.fromkeys(field.name for field in BROUGHT) for each in rows]
        case _:
            rows[0]["metadata"] = {**rows[0]["metadata"], **dict.fromkeys(rows[0]["metadata"], "")}
    with pytest.raises(AssertionError):
        agrees(sent, rows)
