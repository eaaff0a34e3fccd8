"""Rules over the whole of the contracts, as data: an id that stays, a purpose, and a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.lint import (
    apis,
    attempts,
    checks,
    currencies,
    database,
    examples,
    expressions,
    families,
    flows,
    gateways,
    keywords,
    lineage,
    lives,
    maintenance,
    mappings,
    pins,
    policies,
    records,
    rests,
    rules,
    services,
    signatures,
    sizes,
    tables,
    types,
    unmapped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codegen.findings import Finding
    from codegen.model import Catalog


@dataclass(frozen=True, slots=True)
class LintRule:
    """A rule: `id` stands in every finding, `purpose` says what it keeps true.

    It is tried only where the rules that it `needs` find nothing, since it works with what they look at.
    """

    id: str
    purpose: str
    check: Callable[[Catalog], Iterator[Finding]]
    needs: frozenset[str] = frozenset()


RULES: tuple[LintRule, ...] = (
    LintRule("doc", "Every record and field says what it means.", records.undocumented),
    LintRule("text", "Texts have no characters that a target would interpret.", records.untemplated),
    LintRule("attribute", "Every attribute of a record, a field or a type is one that is read.", keywords.attributes),
    LintRule("keyword", "Every keyword and format of a schema is one that is known.", keywords.keywords),
    LintRule("name", "Files, records and fields are called what they are.", records.misnamed),
    LintRule("versions", "The versions of a record are 1, 2, 3 … without a gap.", records.gaps),
    LintRule("unused", "Every record is on a topic, in a table or in a file.", records.unused),
    LintRule("api", "The models of an API hold to all that its schemas say.", apis.unheld),
    LintRule("topic", "A topic's record, key and provider exist; every provider has a raw topic.", flows.topics),
    LintRule(
        "service",
        "Every service that is named is declared, and may do what it is named for; what it may do is possible.",
        services.undeclared,
    ),
    LintRule(
        "message-size",
        "All that may be written to a topic fits into its largest message.",
        sizes.outgrown,
        frozenset({"topic", "rule", "versions"}),
    ),
    LintRule("producer", "A topic has one producer, or says why it has several.", services.producers),
    LintRule(
        "unused-service",
        "Every declared service, and each of its permissions, is used.",
        services.unused,
        frozenset({"service"}),
    ),
    LintRule("owner", "Owners are a closed set: each one that is named is declared.", services.owners),
    LintRule("retired", "A topic retires versions that exist and are older than what is written.", pins.retired),
    LintRule("pin", "Every consumer is pinned to a version that exists and is not retired.", pins.misplaced),
    LintRule(
        "pin-reads",
        "Every consumer's pinned version reads every version that may be on its topic.",
        pins.unreadable,
        frozenset({"pin", "retired", "topic", "versions"}),
    ),
    LintRule("pin-stored", "A table has a column for every field that its writer reads.", pins.unstored),
    LintRule("table", "A table's record and columns exist and fit their use.", flows.tables),
    LintRule("file", "A file's record exists.", flows.files),
    LintRule(
        "database",
        "A database table's record and columns exist, under names that Postgres keeps.",
        database.tables,
    ),
    LintRule("staging", "A view's columns are in its table, each under one name.", lineage.views),
    LintRule(
        "lineage",
        "A derived column is made from columns that exist in a layer before its own.",
        lineage.broken,
        frozenset({"table"}),
    ),
    LintRule(
        "promise",
        "What a derived table promises of its rows is of columns, closed sets and tables that exist.",
        checks.unkept,
        frozenset({"table"}),
    ),
    LintRule(
        "personal-column",
        "A derived column that is made from personal data says whether it is some.",
        checks.unsaid,
        frozenset({"lineage"}),
    ),
    LintRule(
        "family",
        "Every event type has a family, and every status a rank in one; families are made of fields that exist.",
        families.undeclared,
    ),
    LintRule("maintenance", "A file that is still to be committed is never taken for an orphan.", maintenance.hasty),
    LintRule(
        "retention", "Rows are deleted by whole days of a table that is partitioned by them.", maintenance.undated
    ),
    LintRule(
        "provider", "A provider's files agree on its name, and its event types on their group.", mappings.providers
    ),
    LintRule(
        "unmapped",
        "An event type is mapped, or left unmapped for one reason.",
        unmapped.contradicted,
        frozenset({"provider"}),
    ),
    LintRule(
        "signature",
        "A signature covers the body once; its keys, time and tolerances fit; nothing can be replayed for ever.",
        signatures.contradictory,
    ),
    LintRule("path", "Every path is declared in the payload contract.", mappings.paths_undeclared),
    LintRule(
        "mapping",
        "A mapping fills every field that its record needs or its provider has, with what the field takes.",
        mappings.fields,
    ),
    LintRule(
        "family-mapping",
        "Events have only the statuses and amounts that their family has.",
        families.unfit,
        frozenset({"family", "mapping"}),
    ),
    LintRule("rest", "A rest keeps what another field maps, of what is declared below its path.", mappings.kept),
    LintRule("rest-key", "Every value of a rest has a key of its own.", rests.shared, frozenset({"path"})),
    LintRule(
        "free-keys",
        "Of what merchants name as they like, only keys that are listed go on.",
        rests.free,
        frozenset({"path"}),
    ),
    LintRule(
        "unfilled",
        "Every field that is written is filled by some provider.",
        mappings.unfilled,
        frozenset({"mapping"}),
    ),
    LintRule(
        "type", "What a path is declared to be is what its function, its field and the envelope take.", types.unfit
    ),
    LintRule("table-name", "A lookup names a table that is there, and every table is used.", tables.misnamed),
    LintRule(
        "lookup",
        "A lookup knows every value that its input can have, and no other.",
        expressions.lookups,
        frozenset({"table-name"}),
    ),
    LintRule("condition", "A condition compares with values that its input can have.", expressions.conditions),
    LintRule("exponent", "A provider's own exponent differs from that of ISO 4217.", expressions.exponents),
    LintRule(
        "currency",
        "What replaced a withdrawn currency is one; a provider's own currencies are not active ones, and count alike.",
        currencies.contradictory,
    ),
    LintRule("personal", "Personal data is mapped onto fields that say so, and nowhere else.", mappings.personal),
    LintRule("gateway", "Every provider has a gateway, and one API says how all gateways answer.", gateways.unlike),
    LintRule("reason", "Reason codes are a closed set: each one in use is declared.", rules.reasons),
    LintRule("rule", "A rule is on a field that exists, and fits its type.", rules.misplaced),
    LintRule("retry", "Every category of failure has its advice, and nothing else has.", policies.unadvised),
    LintRule("attempts", "An order that attempts are at is named in events, and found by an index.", attempts.unfound),
    LintRule("review-limit", "A review limit is of a currency that there is.", policies.unlisted),
    LintRule("payload", "An accepted example is what the payload contract says that the provider sends.", types.untrue),
    LintRule("coverage", "Every accepted event type has an accepted and a rejected example.", examples.uncovered),
    LintRule(
        "example",
        "Every example becomes what it says.",
        examples.wrong,
        frozenset({"condition", "exponent", "lookup", "mapping", "path", "provider", "rule", "table-name", "type"}),
    ),
    LintRule(
        "life-told",
        "Each step of a life becomes the unified event that the life says.",
        lives.untold,
        frozenset({"condition", "exponent", "lookup", "mapping", "path", "provider", "rule", "table-name", "type"}),
    ),
)


def lint(catalog: Catalog) -> tuple[Finding, ...]:
    """Return everything that is wrong with the contracts, by file and line."""
    found: list[Finding] = []
    for rule in RULES:
        if not rule.needs & {finding.rule for finding in found}:
            found += rule.check(catalog)
    # What is wrong with the API of all gateways is found in that of each.
    return tuple(sorted(set(found)))
