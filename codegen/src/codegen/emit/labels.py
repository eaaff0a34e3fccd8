"""The closed sets from which metrics take their labels: `labels.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.text import PACKAGE, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the module of label sets."""
    yield render(
        f"{PACKAGE}/labels.py",
        "labels.py",
        notice=notice("contracts/providers, contracts/rules, contracts/topics, contracts/tables, contracts/avro"),
        sets=[(name, tuple(sorted(values)), doc) for name, values, doc in _sets(catalog)],
    )


def _sets(catalog: Catalog) -> Iterator[tuple[str, set[str], str]]:
    yield "PROVIDERS", {each.name for each in catalog.providers}, "Payment providers."
    yield "EVENT_TYPES", _event_types(catalog), "Unified event types, of every version of the unified event."
    accepted = {event for each in catalog.providers for event in each.accepted_event_types}
    yield "PROVIDER_EVENT_TYPES", accepted, "Event types, in the providers' words, that a mapping covers."
    yield "INGESTION_REASONS", set(catalog.ingestion.reason_codes), "Why a gateway refuses a body."
    yield "VALIDATION_REASONS", set(catalog.validation.reason_codes), "Why the normalizer rejects an event."
    yield "TOPICS", {each.name for each in catalog.topics}, "Topics."
    yield "TABLES", {each.identifier for each in catalog.tables}, "Tables of the lake that contracts declare."


def _event_types(catalog: Catalog) -> set[str]:
    versions = catalog.records.get(catalog.validation.record, ())
    return {
        value
        for version in versions
        for field in version.record.fields
        if field.name == "event_type"
        for value in field.allowed
    }
