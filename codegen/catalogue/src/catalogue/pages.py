"""The pages of the catalogue."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from codegen.lint import RULES
from codegen.webhooks import signature_parts

from catalogue.apis import operations, schemas
from catalogue.changes import changes
from catalogue.expressions import mapped, unified_types
from catalogue.flow import flow, observers
from catalogue.lineage import Trail, diagram, trails, unified_tables
from catalogue.search import index
from catalogue.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Catalog, GeneratedFile, Provider


def pages(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield every page, the style sheet and the scripts, by their paths in the folder of the site."""
    all_trails = trails(catalog)
    site = Site(catalog, frozenset(trail.name for trail in all_trails))
    yield site.page(
        "index.html", "index", "contracts", drawing=flow(catalog), observers=observers(catalog), rules=RULES
    )
    yield from _records(site, catalog)
    yield site.page("topics.html", "topics", "contracts/topics")
    yield site.page(
        "tables.html",
        "tables",
        "contracts/tables, contracts/derived, contracts/database",
        unified=unified_tables(catalog),
    )
    yield from _providers(site, catalog, all_trails)
    yield from _apis(site, catalog)
    yield site.page("rules.html", "rules", "contracts/rules")
    yield site.page("currencies.html", "currencies", "contracts/reference/iso4217.yaml")
    yield site.page("checks.html", "checks", "codegen/src/codegen/lint", rules=RULES)
    for name in ("style.css", "catalogue.js"):
        yield site.asset(name)
    yield index(catalog)


def _records(site: Site, catalog: Catalog) -> Iterator[GeneratedFile]:
    yield site.page("records.html", "records", "contracts/avro")
    history = {
        name: [(new, changes(old, new)) for old, new in pairwise(versions)][::-1]
        for name, versions in catalog.records.items()
    }
    for name, versions in catalog.records.items():
        yield site.page(
            f"record-{name}.html",
            "record",
            f"contracts/avro/{name}",
            name=name,
            versions=versions[::-1],
            history=history[name],
            mapped=any(provider.mapping.record == name for provider in catalog.providers),
        )
    yield site.page("changes.html", "changes", "contracts/avro, contracts/openapi", history=history)


def _providers(site: Site, catalog: Catalog, all_trails: tuple[Trail, ...]) -> Iterator[GeneratedFile]:
    yield site.page("providers.html", "providers", "contracts/providers")
    yield site.page("examples.html", "examples", "contracts/providers")
    yield site.page("lineage.html", "lineage", "contracts", trails=all_trails)
    for provider in catalog.providers:
        folder = f"contracts/providers/{provider.name}"
        groups = [
            (
                group,
                [(event, unified_types(provider, group, event)) for event in group.events],
                list(mapped(catalog, provider, number)),
            )
            for number, group in enumerate(provider.mapping.groups)
        ]
        yield site.page(
            f"provider-{provider.name}.html",
            "provider",
            folder,
            provider=provider,
            groups=groups,
            signature=[
                (name.replace("_", " ").capitalize(), value)
                for name, value in signature_facts(provider.source.data["signature"]).items()
            ],
            topic=next((topic for topic in catalog.topics if topic.provider == provider.name), None),
        )
        yield site.page(
            f"examples-{provider.name}.html", "provider_examples", folder, provider=provider, kinds=_by_kind(provider)
        )
        yield site.page(
            f"lineage-{provider.name}.html",
            "provider_lineage",
            "contracts",
            provider=provider,
            drawing=diagram(catalog, provider),
        )


def signature_facts(data: Mapping[str, object]) -> dict[str, object]:
    """Return what a contract says of a signature, with what the profile that it names says."""
    named = {"profile": data["profile"]} if "profile" in data else {}
    return {**named, **signature_parts(data)}


def _by_kind(provider: Provider) -> dict[str, list[object]]:
    kinds: dict[str, list[object]] = {"accepted": [], "rejected": [], "malformed": [], "unsupported": []}
    for example in provider.examples:
        kinds[example.kind].append(example)
    return kinds


def _apis(site: Site, catalog: Catalog) -> Iterator[GeneratedFile]:
    yield site.page("apis.html", "apis", "contracts/openapi")
    for api in catalog.apis:
        yield site.page(
            f"api-{api.name}-v{api.version}.html",
            "api",
            f"contracts/{api.source.path}",
            api=api,
            operations=list(operations(api)),
            schemas=list(schemas(api.source.data)),
        )
