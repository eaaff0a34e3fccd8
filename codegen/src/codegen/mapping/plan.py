"""A mapping joined with what stands on its target: types, closed sets, rules, and what the rest consists of."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from codegen.avro import Field, Map, Primitive, TimestampMillis
from codegen.language.model import Envelope, Exponent, Expression, Group, Leaf, Null, Path
from codegen.language.parts import inside, origin
from codegen.model import Catalog, Maximum, Minimum, Pattern, Provider, Reference, Rule, Rules, TimeRange
from codegen.payload import leaves, rests

if TYPE_CHECKING:
    from collections.abc import Mapping

# The normalizer sets these itself: they do not come out of a payload.
STAMPED = frozenset({"event_id", "processed_at", "schema_version"})

UNREADABLE = "payload_unreadable"
MISSING = "field_missing"
TYPE_INVALID = "type_invalid"
VALUE_UNKNOWN = "value_unknown"
TIME_INVALID = "timestamp_invalid"
AMOUNT_INDIVISIBLE = "amount_indivisible"
# The codes that the mapping language itself needs, beside those of the rules.
OWN_CODES = frozenset({UNREADABLE, MISSING, TYPE_INVALID, VALUE_UNKNOWN, TIME_INVALID, AMOUNT_INDIVISIBLE})

_BOUNDS = {Primitive.INT: 31, Primitive.LONG: 63}
_ALL_TIME = TimeRange(
    earliest=-62_135_596_800_000,
    latest=253_402_300_799_999,
    text=("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    code=TIME_INVALID,
)


class Kind(enum.Enum):
    """What a field takes, with its name as it stands in a rejection."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TRUTH = "true or false"
    TIME = "a time"
    TEXTS = "a map of texts"


FOUND: Mapping[str, Kind] = {
    "merchant_id": Kind.TEXT,
    "event_id": Kind.TEXT,
    "event_type": Kind.TEXT,
    "received_at": Kind.TIME,
    "created_at": Kind.TIME,
    "livemode": Kind.TRUTH,
}
"""What a gateway finds and hands on, by its name in a mapping; instants are in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Target:
    """A field of the unified record and how a payload fills it; `rules` hold those of its type, too."""

    name: str
    kind: Kind
    required: bool
    allowed: tuple[str, ...]
    rules: tuple[Rule, ...]
    expression: Expression
    rest: tuple[Leaf, ...]

    def refusal(self, code: str, what: str) -> Refusal:
        """Return the rejection of this field's value."""
        return Refusal(code, self.name, f"{origin(self.expression)} {what}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a field is rejected: what a `Rejection` of the generated package will say."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Event types that share a payload, and the fields to fill in the record's order."""

    name: str
    events: tuple[str, ...]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is needed to turn a provider's webhooks into unified events."""

    provider: str
    event_type: Path | Envelope
    groups: tuple[GroupPlan, ...]
    null_values: frozenset[str]
    references: dict[str, frozenset[str]]
    exponents: dict[str, int]


def plan(catalog: Catalog, provider: Provider) -> Plan:
    """Return the plan of a provider's mapping; KeyError where it leaves a required field out."""
    mapping = provider.mapping
    record = catalog.record(mapping.record, mapping.version).record
    fields = [field for field in record.fields if field.name not in STAMPED]
    return Plan(
        provider=provider.name,
        event_type=mapping.event_type,
        groups=tuple(
            GroupPlan(
                name=group.name,
                events=group.events,
                targets=tuple(
                    target(
                        field,
                        catalog.validation,
                        filling(group, field),
                        tuple(
                            leaf
                            for rest in rests(filling(group, field))
                            for leaf in leaves(provider.payload, group, rest)
                        ),
                    )
                    for field in fields
                ),
            )
            for group in mapping.groups
        ),
        null_values=frozenset(catalog.validation.null_values),
        references={"iso4217": frozenset(currency.code for currency in catalog.currencies)},
        exponents={currency.code: currency.exponent for currency in catalog.currencies},
    )


def filling(group: Group, field: Field) -> Expression:
    """Return what fills a field: null where it may be null and the group does not name it; KeyError where it must."""
    return group.fields.get(field.name, Null()) if field.nullable else group.fields[field.name]


def target(field: Field, rules: Rules, expression: Expression, rest: tuple[Leaf, ...]) -> Target:
    """Return what a field of the record asks of an expression; KeyError where a mapping cannot fill its type."""
    declared = rules.fields.get(field.name, ())
    # The published exponents are far inside any type's bounds.
    bounds = () if isinstance(expression, Exponent) else _bounds(field, declared)
    return Target(
        name=field.name,
        kind=kind_of(field),
        required=not field.nullable,
        allowed=field.allowed,
        rules=(*bounds, *declared),
        expression=expression,
        rest=rest,
    )


def kind_of(field: Field) -> Kind:
    """Return what a field takes; KeyError where a mapping cannot fill its type."""
    match field.bare:
        case Primitive.STRING:
            return Kind.TEXT
        case Primitive.INT | Primitive.LONG:
            return Kind.WHOLE
        case Primitive.DOUBLE:
            return Kind.NUMBER
        case Primitive.BOOLEAN:
            return Kind.TRUTH
        case TimestampMillis():
            return Kind.TIME
        case Map(Primitive.STRING):
            return Kind.TEXTS
        case other:
            raise KeyError(f"a mapping cannot fill {field.name}: {other}")


def _bounds(field: Field, declared: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the bounds of a field's type, as far as its own rules do not keep it inside them."""
    if isinstance(field.bare, TimestampMillis):
        return () if any(isinstance(rule, TimeRange) for rule in declared) else (_ALL_TIME,)
    bits = _BOUNDS.get(field.bare) if isinstance(field.bare, Primitive) else None
    if bits is None:
        return ()
    lowest, highest = -(2**bits), 2**bits - 1
    bounds: list[Rule] = []
    if not any(isinstance(rule, Minimum) and rule.value >= lowest for rule in declared):
        bounds.append(Minimum(lowest, TYPE_INVALID))
    if not any(isinstance(rule, Maximum) and rule.value <= highest for rule in declared):
        bounds.append(Maximum(highest, TYPE_INVALID))
    return tuple(bounds)


def wording(rule: Rule) -> str:
    """Return a rule in words, as it stands in a rejection."""
    match rule:
        case Minimum(value, _):
            return f"must be at least {value}"
        case Maximum(value, _):
            return f"must be at most {value}"
        case Pattern(value, _):
            return f"must have the form {value}"
        case Reference(value, _):
            return f"must be a code of {value}"
        case TimeRange(text=text):
            return f"must lie between {text[0]} and {text[1]}"
    assert_never(rule)


def found_elsewhere(planned: Plan) -> frozenset[str]:
    """Return what a mapping reads of what the gateway found, beside the merchant."""
    targets = (target.expression for group in planned.groups for target in group.targets)
    read = {
        each.name
        for expression in (planned.event_type, *targets)
        for each in inside(expression)
        if isinstance(each, Envelope)
    }
    return frozenset(read - {"merchant_id"} - ({"event_type"} if isinstance(planned.event_type, Path) else set()))
