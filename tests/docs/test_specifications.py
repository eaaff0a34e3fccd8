"""Each service has a specification, whose settings and metrics are those of the code."""

from __future__ import annotations

import re

import pytest
import yaml
from monitoring.own import OWN

from tests.conftest import ROOT
from tests.docs.specifications import (
    ABSENT,
    SPECIFICATIONS,
    rows_of_metrics,
    rows_of_settings,
    sections,
    settings_of,
    shared_settings,
)

SERVICES = sorted(yaml.safe_load((ROOT / "contracts" / "services.yaml").read_text(encoding="utf-8"))["services"])
# Read by the audit, one for each provider, from the environment itself.
READ_OTHERWISE = {"operations": {"URL"}}
# Whose metrics a specification names beside its own.
COMMITTERS = {"archiver", "orchestrator"}
LABELS = {each.name: frozenset(each.labels) for each in OWN}


def specification(service: str) -> str:
    return (SPECIFICATIONS / f"{service}.md").read_text(encoding="utf-8")


def test_each_service_has_a_specification_and_each_specification_a_service() -> None:
    assert sorted(path.stem for path in SPECIFICATIONS.glob("*.md")) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_settings_of_a_specification_are_in_the_code(service: str) -> None:
    known = settings_of(service).keys() | shared_settings() | READ_OTHERWISE.get(service, set())
    named = {name for row in rows_of_settings(specification(service)) for name in row.names}
    assert named - known == set()
    assert named


@pytest.mark.parametrize("service", SERVICES)
def test_each_setting_of_the_code_is_in_the_specification_or_in_operations(service: str) -> None:
    written = specification(service) + (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    # Before the simulator's settings is a prefix.
    assert [name for name in settings_of(service) if not re.search(rf"(?<![A-Z]){name}(?![A-Z_])", written)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_setting_is_unless_set_is_what_the_code_says(service: str) -> None:
    wrong = []
    for row in rows_of_settings(specification(service)):
        told = [each.strip().strip("`") for each in (row.default or "").split(",")]
        if len(told) != len(row.names):
            continue
        for name, default in zip(row.names, told, strict=True):
            code = settings_of(service).get(name, default)
            if isinstance(code, bool):
                wrong += [name] if default != str(code).lower() else []
            elif isinstance(code, int | float):
                wrong += [name] if not _is_number(default) or float(default) != code else []
            elif code is ABSENT:
                wrong += [name] if default else []
            elif isinstance(code, str) and code:
                wrong += [name] if default != code else []
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_of_a_specification_are_those_of_the_list(service: str) -> None:
    programs = {service, "lake"} if service in COMMITTERS else {service}
    known = {each.name for each in OWN if each.program in programs}
    named = dict(rows_of_metrics(specification(service)))
    assert named.keys() - known == set()
    assert {name: labels for name, labels in named.items() if labels and labels != LABELS[name]} == {}


@pytest.mark.parametrize("service", [each for each in SERVICES if each != "orchestrator"])
def test_a_specification_names_every_metric_of_its_service(service: str) -> None:
    """The orchestrator's names the first to look at: metrics.md has all."""
    text = specification(service)
    assert [each.name for each in OWN if each.program == service and f"`{each.name}" not in text] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_specification_is_short_and_says_what_the_service_does_not_do(service: str) -> None:
    text = specification(service)
    assert len(text.splitlines()) <= 160
    if service not in {"archiver", "gateway"}:
        assert {"Settings", "What it promises", "What it does not do"} <= sections(text).keys()


def test_a_setting_that_only_one_side_has_is_found() -> None:
    document = "## Settings\n\n| variable | default | meaning |\n| --- | --- | --- |\n| `ODD_ONE`, `X` | 1, 2 | |\n"
    (row,) = rows_of_settings(document)
    assert (row.names, row.default) == (("ODD_ONE", "X"), "1, 2")
    assert "ODD_ONE" not in settings_of("gateway")
    assert settings_of("gateway")["MAX_HEADER_BYTES"] == 32_768
    assert settings_of("gateway")["GATEWAY_PROVIDER"] is ABSENT


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
