"""Rules between two states of the contracts, as data: what may change, and what would break somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat import (
    apis,
    database,
    derived,
    families,
    files,
    lookups,
    payloads,
    providers,
    records,
    rests,
    rules,
    services,
    tables,
    topics,
    units,
)
from codegen.compat.breakage import Breakage, CompatRule, Concern

if TYPE_CHECKING:
    from codegen.findings import Finding
    from codegen.model import Catalog

__all__ = ["RULES", "Breakage", "CompatRule", "Concern", "breakages", "compat"]

RULES: tuple[CompatRule, ...] = (
    CompatRule("record-removed", "A record that a topic or table held stays.", records.removed),
    CompatRule("version-removed", "A version that was given out stays.", records.versions_removed),
    CompatRule("version-changed", "A version that was given out means and writes the same.", records.versions_changed),
    CompatRule("version-backward", "A new version reads what earlier ones wrote.", records.backward),
    CompatRule("version-forward", "Earlier versions read what a new one writes.", records.forward),
    CompatRule("topic-removed", "A topic stays.", topics.removed),
    CompatRule("topic-record", "A topic goes on holding its record.", topics.record_changed),
    CompatRule("topic-version", "A topic's version does not go back.", topics.version_lowered),
    CompatRule(
        "topic-retired", "A version is retired only after a change that ends its writing.", topics.retired_too_early
    ),
    CompatRule("topic-partitions", "Keys stay on their partitions.", topics.partitions_changed),
    CompatRule("topic-key", "A topic keeps its key, and so the order of its messages.", topics.key_changed),
    CompatRule("topic-retention", "Messages are kept for as long as was promised.", topics.retention_lowered),
    CompatRule("topic-compatibility", "A subject promises no less than before.", topics.compatibility_lowered),
    CompatRule("topic-replicas", "Messages survive the loss of as many brokers as before.", topics.replicas_lowered),
    CompatRule("topic-provider", "A raw topic goes on holding its provider's webhooks.", topics.provider_changed),
    CompatRule("producer-removed", "Who writes a topic goes on writing it.", services.producers_removed),
    CompatRule("consumer-removed", "Who reads a topic stays among its consumers.", services.consumers_removed),
    CompatRule("writer-changed", "A table keeps its writer.", services.writers_changed),
    CompatRule("reader-removed", "A service may go on reading the tables that it read.", services.readers_removed),
    CompatRule("table-removed", "A table stays.", tables.removed),
    CompatRule("table-key", "Rows are told apart by the same columns.", tables.key_changed),
    CompatRule("table-partition", "Partitions stay as stored files have them.", tables.partition_changed),
    CompatRule("table-sort", "The order of rows stays as stored files have it.", tables.sort_changed),
    CompatRule("table-history", "A table as it was can be read for as long as was promised.", tables.history_shortened),
    CompatRule("table-property", "A table keeps the properties that it has.", tables.properties_removed),
    CompatRule("table-retention", "Rows of a table stay for no less time than before.", tables.rows_shortened),
    CompatRule("table-freshness", "Rows are told to be too old no later than before.", tables.freshness_loosened),
    CompatRule("column-removed", "A column stays, under its name.", tables.columns_removed),
    CompatRule("column-type", "A column's type changes only by a promotion of Iceberg.", tables.types_changed),
    CompatRule("column-required", "What stored rows may lack is not required.", tables.required),
    CompatRule(
        "column-values", "What stored rows hold stays in the closed set that dbt tests.", tables.values_narrowed
    ),
    CompatRule("derived-removed", "A table of Silver or Gold stays.", derived.removed),
    CompatRule("derived-key", "A row of Silver or Gold stands for the same.", derived.key_changed),
    CompatRule("derived-column", "A column of Silver or Gold stays, under its name.", derived.columns_removed),
    CompatRule("derived-source", "A column is made from what it was made from.", derived.sources_changed),
    CompatRule("derived-type", "A column that hands a source on keeps its type.", derived.types_changed),
    CompatRule("derived-required", "A column of Silver or Gold that is never null stays so.", derived.nulls_allowed),
    CompatRule(
        "derived-reference", "Rows of Silver and Gold point to what they pointed to.", derived.references_changed
    ),
    CompatRule("derived-values", "A column of Silver or Gold has only values that it had.", derived.values_widened),
    CompatRule("family-removed", "A family stays, with its statuses and amounts.", families.removed),
    CompatRule("family-order", "The same events make the same state of an object.", families.identity_changed),
    CompatRule("family-money", "What counts money goes on counting it.", families.money_changed),
    CompatRule("unit-changed", "A doc goes on naming the units that it named.", units.changed),
    CompatRule("database-removed", "A table of the database stays.", database.removed),
    CompatRule("database-key", "Rows of the database are told apart by the same columns.", database.key_changed),
    CompatRule("database-column", "A column of the database stays, under its name.", database.columns_removed),
    CompatRule("database-type", "A column of the database keeps its type.", database.types_changed),
    CompatRule("database-required", "What stored rows may lack is not required.", database.required),
    CompatRule("database-index", "An index stays, over the same columns.", database.indexes_changed),
    CompatRule("file-removed", "A file that is read goes on being written.", files.removed),
    CompatRule("file-record", "A file holds what it held, of no older version.", files.record_changed),
    CompatRule("file-reader", "Who reads a file goes on being named.", files.readers_removed),
    CompatRule("provider-removed", "A provider stays.", providers.removed),
    CompatRule("event-removed", "An event type that was normalized goes on being so.", providers.events_removed),
    CompatRule(
        "mapping-target", "Events go on becoming the same record, of no older version.", providers.target_changed
    ),
    CompatRule("lookup-narrowed", "What could be looked up can be looked up, by each lookup.", lookups.narrowed),
    CompatRule("rest-mapped", "What readers find in the rest stays there until they have moved.", rests.narrowed),
    CompatRule("signature-changed", "What was signed rightly is so still.", providers.signature_changed),
    CompatRule("identity-changed", "A webhook that comes again gets the id that it had.", providers.identity_changed),
    CompatRule(
        "merchant-changed", "A webhook belongs to the merchant that it belonged to.", providers.merchant_changed
    ),
    CompatRule("webhook-narrowed", "The gateway takes what it took.", providers.webhooks_narrowed),
    CompatRule(
        "envelope-moved", "Type, time and version of an event are found where they were.", providers.envelope_moved
    ),
    CompatRule("body-rewritten", "A body is read as it was.", providers.body_rewritten),
    CompatRule("header-dropped", "A header that was kept with webhooks is kept.", providers.headers_dropped),
    CompatRule("payload-narrowed", "What a provider was said to send it may send.", payloads.narrowed),
    CompatRule("personal-removed", "Personal data stays tagged as such.", payloads.personal_removed),
    CompatRule("rule-narrowed", "A value that passed validation passes.", rules.narrowed),
    CompatRule("null-changed", "The same texts mean null.", rules.nulls_changed),
    CompatRule("rules-record", "Rules go on checking their record.", rules.records_changed),
    CompatRule("reason-changed", "A reason code means what it meant.", rules.reasons_changed),
    CompatRule("reason-removed", "A reason code that was given out stays declared.", providers.reasons_removed),
    CompatRule("currency-changed", "A currency stays, with its minor unit.", providers.currencies_changed),
    CompatRule("api-removed", "A version of an API stays.", apis.removed),
    CompatRule("operation-removed", "An operation stays.", apis.operations_removed),
    CompatRule("operation-renamed", "An operation keeps its id.", apis.operations_renamed),
    CompatRule("parameter-removed", "A parameter stays.", apis.parameters_removed),
    CompatRule("request-required", "A request need not hold more than before.", apis.requests_required),
    CompatRule("request-narrowed", "A request may hold what it could.", apis.requests_narrowed),
    CompatRule("response-removed", "An answer and its parts stay.", apis.responses_removed),
    CompatRule("response-optional", "What an answer always held it goes on holding.", apis.responses_optional),
    CompatRule("response-widened", "An answer has only values that clients know.", apis.responses_widened),
    CompatRule("authentication-changed", "Credentials that were enough are enough.", apis.authentication_changed),
)


def breakages(old: Catalog, new: Catalog) -> tuple[tuple[str, Breakage], ...]:
    """Return what a change breaks, each with the id of its rule."""
    return tuple((rule.id, each) for rule in RULES for each in rule.check(old, new))


def compat(old: Catalog, new: Catalog) -> tuple[Finding, ...]:
    """Return what a change breaks, by file and line; a thing that two operations share is said once."""
    return tuple(sorted({each.finding(rule) for rule, each in breakages(old, new)}))
