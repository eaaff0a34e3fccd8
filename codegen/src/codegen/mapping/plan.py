"""A mapping joined with what stands on its target: types, closed sets, rules, and what the rest consists of."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from codegen.avro import Field, Map, Primitive, TimestampMillis
from codegen.language.model import Envelope, Exponent, Expression, Group, Leaf, Null, Path
from codegen.language.outcomes import by_event_type, outputs
from codegen.language.parts import inside
from codegen.language.reasons import absence, place
from codegen.mapping.wording import wording
from codegen.payload import leaves, rests
from codegen.rules import (
    EVENT_TYPE,
    CutCharacters,
    MaxCharacters,
    Maximum,
    Minimum,
    Pattern,
    Reference,
    Rule,
    Rules,
    TimeRange,
    family,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.form import Form
    from codegen.model import Catalog, Provider

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
class Bounded:
    """A rule on one field that the events of some families alone keep to."""

    rule: Rule
    families: frozenset[str]
    code: str
    what: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A withdrawn code is none from then on, by the first instant there is in the fields; but in these families."""

    dated_by: tuple[str, ...]
    except_families: frozenset[str]
    code: str
    what: str = "must be a code of the list at the time of the event"


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A code that stands for none is one in these families alone, beside an amount of zero alone."""

    value: str
    families: frozenset[str]
    amount: str
    code: str
    what: str


Later = Bounded | Ended | Unneeded


@dataclass(frozen=True, slots=True)
class Target:
    """A field of the unified record and how a payload fills it.

    `rules` look at its value alone, and hold those of its type, too. `later` look at other fields as well, the family
    of the event or its time: they are tried once each field is right by itself. Of a longer text, `cut` characters are
    kept.
    """

    name: str
    kind: Kind
    required: bool
    allowed: tuple[str, ...]
    rules: tuple[Rule, ...]
    expression: Expression
    rest: tuple[Leaf, ...]
    cut: int | None = None
    later: tuple[Later, ...] = ()

    def refusal(self, code: str, what: str, of: Expression | None = None) -> Refusal:
        """Return the rejection of this field's value, or of a part of what it is made from."""
        return Refusal(code, self.name, f"{place(of or self.expression)} {what}")

    @property
    def missing(self) -> Refusal:
        """Return the rejection of an event that has no value for this field."""
        return Refusal(MISSING, self.name, absence(self.expression))


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
    """All that is needed to turn a provider's webhooks into unified events.

    `codes` are the currencies that exist or existed, `ends` when those ended that the provider does not use any more,
    in milliseconds since 1970, and `exponents` the digits of the minor unit of every currency of every provider.
    """

    provider: str
    event_type: Path | Envelope
    groups: tuple[GroupPlan, ...]
    null_values: frozenset[str]
    codes: frozenset[str]
    ends: dict[str, int]
    exponents: dict[str, int]
    form: Form | None = None


def unreadable(plan: Plan) -> str:
    """Return what is said of a body that is not what the provider's are."""
    return "the payload is not " + ("JSON in UTF-8" if plan.form is None else "a form as the contract has it")


def plan(catalog: Catalog, provider: Provider) -> Plan:
    """Return the plan of a provider's mapping; KeyError where it leaves a required field out."""
    mapping = provider.mapping
    record = catalog.record(mapping.record, mapping.version).record
    fields = [field for field in record.fields if field.name not in STAMPED]
    return Plan(
        provider=provider.name,
        event_type=mapping.event_type,
        groups=tuple(_group(catalog, provider, group, fields) for group in mapping.groups),
        null_values=frozenset(catalog.validation.null_values),
        codes=frozenset(each.code for each in catalog.currencies) | provider.currencies.keys(),
        ends={
            each.code: each.ends
            for each in catalog.currencies
            if each.ends is not None and each.code not in provider.currencies
        },
        exponents=dict(catalog.exponents),
        form=provider.envelope.form,
    )


def _group(catalog: Catalog, provider: Provider, group: Group, fields: list[Field]) -> GroupPlan:
    possible = families(provider, group, fields)
    return GroupPlan(
        name=group.name,
        events=group.events,
        targets=tuple(
            target(
                field,
                catalog.validation,
                filling(group, field),
                tuple(leaf for rest in rests(filling(group, field)) for leaf in leaves(provider.payload, group, rest)),
                possible,
            )
            for field in fields
        ),
    )


def families(provider: Provider, group: Group, fields: list[Field]) -> frozenset[str]:
    """Return the families that events of a group may have, as far as the mapping alone tells."""
    expression = group.fields.get(EVENT_TYPE, Null())
    table = by_event_type(expression, provider.mapping.event_type, group.events)
    closed = outputs(expression) if table is None else frozenset(table.values())
    if closed is None:
        closed = frozenset(value for field in fields if field.name == EVENT_TYPE for value in field.allowed)
    return frozenset(family(each) for each in closed if isinstance(each, str))


def filling(group: Group, field: Field) -> Expression:
    """Return what fills a field: null where it may be null and the group does not name it; KeyError where it must."""
    return group.fields.get(field.name, Null()) if field.nullable else group.fields[field.name]


def target(
    field: Field,
    rules: Rules,
    expression: Expression,
    rest: tuple[Leaf, ...] = (),
    possible: frozenset[str] = frozenset(),
) -> Target:
    """Return what a field of the record asks of an expression; KeyError where a mapping cannot fill its type.

    `possible` are the families of the events that it is asked of.
    """
    declared = rules.fields.get(field.name, ())
    always = tuple(_usual(rule, possible) for rule in declared if all(map(rule.scope.holds, possible)))
    cut = next((rule.value for rule in declared if isinstance(rule, CutCharacters)), None)
    always = tuple(rule for rule in always if not isinstance(rule, CutCharacters))
    always += _default(field, rules, (*declared,), expression)
    # The published exponents are far inside any type's bounds.
    bounds = () if isinstance(expression, Exponent) else _bounds(field, always)
    return Target(
        name=field.name,
        kind=kind_of(field),
        required=not field.nullable,
        allowed=field.allowed,
        rules=(*bounds, *always),
        expression=expression,
        rest=rest,
        cut=cut,
        later=() if isinstance(expression, Null) else tuple(e for rule in declared for e in _later(rule, possible)),
    )


def _default(field: Field, rules: Rules, declared: tuple[Rule, ...], expression: Expression) -> tuple[Rule, ...]:
    """Return the limit of a text that nothing else bounds: neither a closed set, nor a rule, nor the mapping itself."""
    bounded = any(isinstance(rule, MaxCharacters | CutCharacters | Pattern | Reference) for rule in declared)
    if rules.texts is None or field.bare is not Primitive.STRING or field.allowed or bounded:
        return ()
    closed = outputs(expression)
    longest = max((len(value) for value in closed if isinstance(value, str)), default=0) if closed is not None else None
    return () if longest is not None and longest <= rules.texts.value else (rules.texts,)


def _later(rule: Rule, possible: frozenset[str]) -> Iterator[Later]:
    """Yield what of a rule depends on more than its field's value, given the families that are possible."""
    within = frozenset(filter(rule.scope.holds, possible))
    if within and within != possible:
        yield Bounded(_usual(rule, within), within, rule.code, wording(rule))
    if isinstance(rule, Reference) and within:
        if rule.dated_by and within - rule.undated:
            yield Ended(rule.dated_by, possible - (within - rule.undated), rule.code)
        if rule.blank is not None and within & rule.blank.families:
            blank, allowed = rule.blank, within & rule.blank.families
            what = f"must not be {blank.value} but where there is no amount"
            yield Unneeded(blank.value, allowed | (possible - within), blank.amount, rule.code, what)


def _usual(rule: Rule, possible: frozenset[str]) -> Rule:
    """Return a rule without the code that stands for none, where no event may have it."""
    if isinstance(rule, Reference) and rule.blank is not None and not rule.blank.families & possible:
        return replace(rule, blank=None)
    return rule


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
