"""The contracts as one typed, frozen model: all that emitters and checks look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.avro import Record
    from codegen.currencies import Currency
    from codegen.database import DatabaseTable
    from codegen.derived import DerivedTable
    from codegen.document import Document, Place
    from codegen.families import Families
    from codegen.files import RecordFile
    from codegen.language.model import Mapped, Path
    from codegen.maintenance import Maintenance
    from codegen.policies import Business, Retry
    from codegen.rules import Rules
    from codegen.services import Services
    from codegen.staging import Staging
    from codegen.webhooks import Envelope, Signature

ExampleKind = Literal["accepted", "rejected", "malformed", "unsupported"]


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """One version of an Avro record; `base` is the version of the record that it extends, where it extends one."""

    name: str
    version: int
    record: Record
    schema: str
    source: Document
    base: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic: what is on it, for how long, who writes it, and which version each reader is pinned to.

    `retired` are the versions that can no longer be on it: nobody writes them, and retention has removed the last one.
    `several_producers` says why it has more than one; None where it has one.
    """

    name: str
    description: str
    record: str
    version: int
    retired: tuple[int, ...]
    provider: str | None
    key: str
    partitions: int
    replicas: int
    max_message_bytes: int
    retention_days: int
    compatibility: str
    owner: str
    producers: tuple[str, ...]
    several_producers: str | None
    consumers: Mapping[str, int]
    source: Document

    @property
    def subject(self) -> str:
        """Return the topic's subject in the Schema Registry."""
        return f"{self.name}-value"

    @property
    def min_insync_replicas(self) -> int:
        """Return how many copies have a record before it is acknowledged: one fewer, so that one broker may be away."""
        return max(1, self.replicas - 1)

    @property
    def present(self) -> tuple[int, ...]:
        """Return the versions of the record that may be on the topic."""
        return tuple(number for number in range(1, self.version + 1) if number not in self.retired)


@dataclass(frozen=True, slots=True)
class Transformed:
    """A column and the Iceberg transform by which a table is partitioned or sorted."""

    field: str
    transform: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest row may be, by a timestamp column."""

    field: str
    warn_after_minutes: int
    error_after_minutes: int


@dataclass(frozen=True, slots=True)
class Table:
    """An Iceberg table that holds a record version."""

    namespace: str
    name: str
    description: str
    record: str
    version: int
    owner: str
    writer: str
    key: tuple[str, ...]
    partition: tuple[Transformed, ...]
    sort: tuple[Transformed, ...]
    properties: Mapping[str, str]
    freshness: Freshness | None
    maintenance: Maintenance | None
    staging: Staging | None
    source: Document

    @property
    def identifier(self) -> str:
        """Return the table's name with its namespace."""
        return f"{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True)
class Identity:
    """Namespaces of the UUIDv5 that identify events and unreadable bodies."""

    event_namespace: str
    body_namespace: str
    source: Document


@dataclass(frozen=True, slots=True)
class Example:
    """A webhook of a provider and what must become of it; `received_at` is in milliseconds since 1970."""

    provider: str
    name: str
    kind: ExampleKind
    description: str
    event_type: str | None
    merchant_id: str
    headers: Mapping[str, str]
    body: bytes
    event: Mapping[str, Any] | None
    reason_codes: tuple[str, ...]
    source: Document
    received_at: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A webhook in a life; `event` is what the unified event says, `payment` what is known of the payment by then.

    `changes` tells whether that is more than was known before.
    """

    example: str
    event_type: str | None
    merchant_id: str
    headers: Mapping[str, str]
    body: bytes
    event: Mapping[str, Any]
    payment: Mapping[str, Any] | None
    changes: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to one payment, or to something else where there is no `payment_id`, webhook after webhook."""

    name: str
    description: str
    livemode: bool
    payment_id: str | None
    currency: str | None
    steps: tuple[Step, ...]
    source: Document


@dataclass(frozen=True, slots=True)
class Attempts:
    """What several attempts are attempts at: a `payment`, or an `order` that the entry `key` of the metadata names."""

    at: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A payment provider: how it signs, what it sends, what becomes of it, with examples.

    `unmapped` are its event types, and with `.*` all that begin alike, that no group maps on purpose, each with why.
    """

    name: str
    title: str
    documentation: str
    signature: Signature
    envelope: Envelope
    # The codes that it uses though ISO 4217 does not, with their exponents.
    currencies: Mapping[str, int]
    mapping: Mapped
    payload: Payload
    unmapped: Mapping[str, str]
    examples: tuple[Example, ...]
    lives: tuple[Life, ...]
    source: Document
    mapping_source: Document
    # None where nobody can tell.
    attempts: Attempts | None = None

    @property
    def accepted_event_types(self) -> frozenset[str]:
        """Return the event types that the mapping covers."""
        return frozenset(event for group in self.mapping.groups for event in group.events)


@dataclass(frozen=True, slots=True)
class Payload:
    """A provider's payload contract: an OpenAPI document whose schemas declare what it sends.

    `merchant_maps` are the places where merchants put keys of their own, with those that every merchant may have.
    """

    source: Document
    merchant_maps: Mapping[Path, frozenset[str]] = field(default_factory=dict)

    @property
    def schemas(self) -> Mapping[str, Any]:
        """Return the declared schemas by name."""
        schemas: Mapping[str, Any] = self.source.data["components"]["schemas"]
        return schemas


@dataclass(frozen=True, slots=True)
class Api:
    """One version of an HTTP API, as an OpenAPI document."""

    name: str
    version: int
    source: Document


@dataclass(frozen=True, slots=True)
class Catalog:
    """All contracts."""

    records: Mapping[str, tuple[RecordVersion, ...]]
    topics: tuple[Topic, ...]
    tables: tuple[Table, ...]
    derived: tuple[DerivedTable, ...]
    database: tuple[DatabaseTable, ...]
    files: tuple[RecordFile, ...]
    providers: tuple[Provider, ...]
    validation: Rules
    ingestion: Rules
    identity: Identity
    currencies: tuple[Currency, ...]
    currency_source: Document
    apis: tuple[Api, ...]
    services: Services
    families: Families
    # Absent in contracts of an earlier commit, and where no service decides by them.
    retry: Retry | None = None
    business: Business | None = None

    @property
    def holders(self) -> tuple[Topic | Table | DatabaseTable | RecordFile, ...]:
        """Return all that hold a version of a record."""
        return (*self.topics, *self.tables, *self.database, *self.files)

    @property
    def writers(self) -> tuple[str, ...]:
        """Return the services that write tables, of the lake and of the database."""
        return (*(table.writer for table in self.tables), *(table.writer for table in self.database))

    @property
    def exponents(self) -> Mapping[str, int]:
        """Return the digits of the minor unit of every currency: of ISO 4217, and of providers alone."""
        own = {code: digits for each in self.providers for code, digits in each.currencies.items()}
        return own | {each.code: each.exponent for each in self.currencies}

    def record(self, name: str, version: int) -> RecordVersion:
        """Return a version of a record; KeyError where the contracts have none such."""
        for each in self.records.get(name, ()):
            if each.version == version:
                return each
        raise KeyError(f"{name} v{version}")


GATEWAY = "gateway-"
"""What the names of the gateways' APIs begin with; the provider's follows."""


def newest(catalog: Catalog) -> tuple[Api, ...]:
    """Return the newest version of each API, by name."""
    found = {api.name: api for api in sorted(catalog.apis, key=lambda each: each.version)}
    return tuple(api for _, api in sorted(found.items()))


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file to write below the generated folder."""

    path: str
    content: bytes
