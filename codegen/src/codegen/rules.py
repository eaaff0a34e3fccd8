"""Rules on the fields of a record, whatever the provider: what a value has to be, and where that is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from codegen.findings import ContractError, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codegen.document import Document

EVENT_TYPE = "event_type"
"""The field whose text, up to the dot, is the family of an event."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def family(event_type: str) -> str:
    """Return the family of a unified event type: what stands before its dot."""
    return event_type.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Scope:
    """The families of events that a rule is about: `only` these where there are any, and none of those `apart`."""

    only: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()

    def holds(self, family: str) -> bool:
        """Return whether the rule is about a family."""
        return family not in self.apart and (not self.only or family in self.only)

    @property
    def named(self) -> frozenset[str]:
        """Return every family that it names."""
        return self.only | self.apart


EVERYWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Minimum:
    """The value is at least this."""

    value: int
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Maximum:
    """The value is at most this."""

    value: int
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Pattern:
    """The whole text matches this regular expression."""

    value: str
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Blank:
    """The code of a list that stands for none: valid in these families alone, and beside an amount of zero alone."""

    value: str
    families: frozenset[str]
    amount: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The text is a code of this reference list.

    A code that the list withdrew is one until then, by the first instant that there is in the fields `dated_by`; in the
    families `undated` it is one at any time.
    """

    value: str
    code: str
    scope: Scope = EVERYWHERE
    dated_by: tuple[str, ...] = ()
    undated: frozenset[str] = frozenset()
    blank: Blank | None = None


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The instant lies between these two, both included, in milliseconds since 1970."""

    earliest: int
    latest: int
    text: tuple[str, str]
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class MaxCharacters:
    """The text has at most so many characters (code points of Unicode)."""

    value: int
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class CutCharacters:
    """Of a longer text so many characters are kept, the last of them the mark `…`; nothing is refused."""

    value: int
    code: str = ""
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class MaxEntries:
    """The map has at most so many entries."""

    value: int
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class MaxEntryCharacters:
    """No key and no value of the map has more characters."""

    value: int
    code: str
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class MaxBytes:
    """Keys and values of the map have at most so many bytes together, in UTF-8."""

    value: int
    code: str
    scope: Scope = EVERYWHERE


Limit = MaxCharacters | CutCharacters | MaxEntries | MaxEntryCharacters | MaxBytes
Rule = Minimum | Maximum | Pattern | Reference | TimeRange | Limit


def circumstances(rule: Rule) -> tuple[str, ...]:
    """Return in words which events a rule is about, and what it looks at beside its field."""
    only, apart = rule.scope.only, rule.scope.apart
    found: list[tuple[str, object]] = [(f"in {_listed(only)}", only), (f"but in {_listed(apart)}", apart)]
    if isinstance(rule, Reference):
        found += [
            (f"at {' or '.join(rule.dated_by)}", rule.dated_by),
            (f"at any time in {_listed(rule.undated)}", rule.undated),
        ]
        if rule.blank is not None:
            blank = rule.blank
            found.append((f"or {blank.value} in {_listed(blank.families)} where {blank.amount} is 0", True))
    return tuple(text for text, is_said in found if is_said)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


@dataclass(frozen=True, slots=True)
class Rules:
    """A closed set of reason codes, and the rules that are on a record's fields whatever the provider.

    Of the codes, `later_codes` are those that a later service gives, and `retired_codes` those that nothing gives any
    more, and that stored failures have. `texts` is the limit of every text that has no other bound. `recoverable_by`
    says what has to change before an event that was quarantined for a code can be sent again, the mildest first.
    """

    name: str
    record: str
    reason_codes: Mapping[str, str]
    null_values: tuple[str, ...]
    fields: Mapping[str, tuple[Rule, ...]]
    later_codes: frozenset[str]
    retired_codes: frozenset[str]
    texts: MaxCharacters | None
    recoverable_by: Mapping[str, tuple[str, ...]]
    source: Document


def rules(document: Document) -> Rules:
    """Return the rules that a file declares; raises ContractError where one holds a time that does not exist."""
    data = document.data
    findings: list[Finding] = []
    found: dict[str, tuple[Rule, ...]] = {}
    for name, each_of in data.get("fields", {}).items():
        made: list[Rule] = []
        for index, each in enumerate(each_of):
            try:
                made.append(_rule(each))
            except ValueError as error:
                place = ("fields", name, index, "value")
                findings.append(document.finding("rule", place, f"{name}: {error}", "correct the value"))
        found[name] = tuple(made)
    if findings:
        raise ContractError(tuple(findings))
    later, retired = data.get("later_reason_codes", {}), data.get("retired_reason_codes", {})
    return Rules(
        name=data["name"],
        record=data["record"],
        reason_codes={**data["reason_codes"], **later, **retired},
        null_values=tuple(data.get("null_values", ())),
        fields=found,
        later_codes=frozenset(later),
        retired_codes=frozenset(retired),
        texts=MaxCharacters(texts["max_characters"], texts["code"]) if (texts := data.get("texts")) else None,
        recoverable_by={name: tuple(codes) for name, codes in data.get("recoverable_by", {}).items()},
        source=document,
    )


_LIMITS: Mapping[str, type[Limit]] = {
    "max_characters": MaxCharacters,
    "cut_characters": CutCharacters,
    "max_entries": MaxEntries,
    "max_entry_characters": MaxEntryCharacters,
    "max_bytes": MaxBytes,
}


def limit_name(rule: Limit) -> str:
    """Return the name of a limit in the file of rules."""
    return next(name for name, kind in _LIMITS.items() if isinstance(rule, kind))


def _rule(data: Mapping[str, Any]) -> Rule:
    value, code = data["value"], data.get("code", "")
    scope = Scope(frozenset(data.get("families", ())), frozenset(data.get("except_families", ())))
    match data["rule"]:
        case "minimum":
            return Minimum(value, code, scope)
        case "maximum":
            return Maximum(value, code, scope)
        case "pattern":
            return Pattern(value, code, scope)
        case "reference":
            return _reference(data, scope)
        case "time_range":
            return _time_range(value, code, scope)
        case name if name in _LIMITS:
            return _LIMITS[name](value, code, scope)
        case unknown:
            raise ValueError(f"there is no rule {unknown!r}")


def _reference(data: Mapping[str, Any], scope: Scope) -> Reference:
    blank, dated_by = data.get("blank"), data.get("dated_by", ())
    return Reference(
        data["value"],
        data["code"],
        scope,
        dated_by=(dated_by,) if isinstance(dated_by, str) else tuple(dated_by),
        undated=frozenset(data.get("undated_families", ())),
        blank=None if blank is None else Blank(blank["value"], frozenset(blank["families"]), blank["amount"]),
    )


def _time_range(value: Sequence[str], code: str, scope: Scope) -> TimeRange:
    earliest, latest = value
    first, last = millis(earliest), millis(latest)
    if first > last:
        raise ValueError(f"no instant lies between {earliest} and {latest}")
    return TimeRange(first, last, (earliest, latest), code, scope)


def millis(text: str) -> int:
    """Return an instant in milliseconds since 1970; ValueError where there is no such instant."""
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)
    except ValueError as error:
        raise ValueError(f"{text} is not a time that exists ({error})") from error
