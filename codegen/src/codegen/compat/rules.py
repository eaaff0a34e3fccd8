"""Rules on validation: what passed goes on passing, and a reason goes on meaning what it meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.compat.breakage import Breakage, broken
from codegen.rules import Limit, Maximum, Minimum, Pattern, Reference, TimeRange, limit_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.model import Catalog
    from codegen.rules import Rule, Rules

_LEAVE = "leave it: events that passed would be quarantined"


def narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield rules on fields that are new, or that take less than before, for events of some family."""
    source = new.validation.source
    known = _fields(old)
    # Where nothing was declared at all, nothing has passed; nor in a field that is new.
    checked = new.validation.fields.items() if old.validation.reason_codes else ()
    for field, rules in checked:
        if known and field not in known:
            continue
        said: dict[tuple[int, str], set[str]] = {}
        families = {""} | {each for rule in (*old.validation.fields.get(field, ()), *rules) for each in _named(rule)}
        for family in families:
            for index, was, rule in _pairs_of(old.validation.fields.get(field, ()), rules, family):
                what = _narrower(was, rule) or _dated(was, rule, family, old)
                if what:
                    said.setdefault((index, what), set()).add(family)
        for (index, what), of in sorted(said.items()):
            place: Place = ("fields", field, index)
            apart = f" but of {', '.join(sorted(families - of))}" if families - of else ""
            where = apart if "" in of else f" of {', '.join(sorted(of))}"
            yield broken(("rule", field), source, place, f"{field}{where}: {what}", _LEAVE)

    before, after = old.validation.texts, new.validation.texts
    if old.validation.reason_codes and after is not None and (before is None or after.value < before.value):
        message = (
            f"texts could have {before.value if before else 'any number of'} characters, and may have {after.value}"
        )
        yield broken(("rule", "texts"), source, ("texts", "max_characters"), message, _LEAVE)


def _fields(catalog: Catalog) -> frozenset[str]:
    versions = catalog.records.get(catalog.validation.record, ())
    return frozenset(field.name for version in versions for field in version.record.fields)


def _named(rule: Rule) -> frozenset[str]:
    """Return every family that a rule names."""
    if not isinstance(rule, Reference):
        return rule.scope.named
    return rule.scope.named | rule.undated | (rule.blank.families if rule.blank else frozenset())


def _pairs_of(
    before: tuple[Rule, ...], after: tuple[Rule, ...], family: str
) -> Iterator[tuple[int, Rule | None, Rule]]:
    """Yield each rule for events of a family with its place and the earlier rule that it was."""
    places = [index for index, rule in enumerate(after) if rule.scope.holds(family)]
    kept = tuple(after[index] for index in places)
    for place, was, rule in _pairs(tuple(each for each in before if each.scope.holds(family)), kept):
        yield places[place], was, rule


def _dated(was: Rule | None, rule: Rule, family: str, old: Catalog) -> str:
    """Return in words which codes of a list pass no longer because of the event's time, or beside an amount."""
    if not (isinstance(was, Reference) and isinstance(rule, Reference)):
        return ""
    ended = any(each.ends is not None for each in old.currencies)
    before, after = (bool(each.dated_by) and family not in each.undated for each in (was, rule))
    if after and not before and ended:
        return "withdrawn codes passed at any time, and are to pass before their withdrawal alone"
    blanks = [family in each.blank.families if each.blank else False for each in (was, rule)]
    if was.blank and (blanks == [True, False] or (rule.blank and was.blank.value != rule.blank.value)):
        return f"{was.blank.value} passed, and is to pass no longer"
    return ""


def nulls_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield texts that meant a value and are to mean null, and the other way round."""
    before, after = (set(catalog.validation.null_values) for catalog in (old, new))
    for text in sorted(before ^ after):
        message = f"the text {text!r} meant a value, and is to mean null"
        if text in before:
            message = f"the text {text!r} meant null, and is to be a value"
        hint = "leave it: the same webhook would become another event"
        yield broken(("rule", "null_values"), new.validation.source, ("null_values",), message, hint)


def records_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield rules that are to stand on another record."""
    for before, after in _both(old, new):
        if before.record != after.record:
            message = f"the rules of {after.name} were about {before.record} and are to be about {after.record}"
            hint = "leave it: what holds the earlier record would be checked no more"
            yield broken(("rules", after.name, "record"), after.source, ("record",), message, hint)


def reasons_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield reason codes that are described in other words, or that a rule gives in place of another one.

    Punctuation and capitals do not count.
    """
    for before, after in _both(old, new):
        for code in before.reason_codes.keys() & after.reason_codes.keys():
            one, other = before.reason_codes[code], after.reason_codes[code]
            if _words(one) != _words(other):
                message = f"the reason code {code} meant {one!r}, and is to mean {other!r}"
                hint = "a code with another meaning gets another name; accept this where the meaning is the same"
                key = _key(after, code)
                yield broken(("reason", after.name, code), after.source, (key, code), message, hint)

    source = new.validation.source
    for field, rules in new.validation.fields.items():
        for index, was, rule in _pairs(old.validation.fields.get(field, ()), rules):
            # A code that is said to be retired has gone on purpose.
            if was is not None and was.code != rule.code and was.code not in new.validation.retired_codes:
                message = f"{field}: {told(rule)} gave the reason code {was.code}, and is to give {rule.code}"
                hint = "leave the code: alerts, dashboards and redrives look for it"
                yield broken(("rule", field), source, ("fields", field, index, "code"), message, hint)


def _key(rules: Rules, code: str) -> str:
    if code in rules.retired_codes:
        return "retired_reason_codes"
    return "later_reason_codes" if code in rules.later_codes else "reason_codes"


def _pairs(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[tuple[int, Rule | None, Rule]]:
    """Yield each rule with its place and the earlier rule that it was: the same one, else the next of its kind."""
    same = {told(rule) for rule in before} & {told(rule) for rule in after}
    left = [rule for rule in before if told(rule) not in same]
    for index, rule in enumerate(after):
        candidates = left if told(rule) not in same else [each for each in before if told(each) == told(rule)]
        was = next((each for each in candidates if type(each) is type(rule)), None)
        if was in left:
            left.remove(was)
        yield index, was, rule


def _narrower(was: Rule | None, rule: Rule) -> str:  # noqa: PLR0911 - one return for each kind of rule
    """Return in words what a rule takes no longer; empty where it takes what it took."""
    match was, rule:
        case None, _:
            return f"any value passed, and there is the rule {told(rule)} now"
        case Minimum(before, _), Minimum(after, _) if after > before:
            return f"at least {before} was demanded, and {after} is to be"
        case Maximum(before, _), Maximum(after, _) if after < before:
            return f"at most {before} was demanded, and {after} is to be"
        case _ if isinstance(was, Limit) and isinstance(rule, Limit) and rule.value < was.value:
            return f"{told(was)} was demanded, and {told(rule)} is to be"
        case Pattern(before_text, _), Pattern(after_text, _) if before_text != after_text:
            return f"the form {before_text} was demanded, and {after_text} is to be"
        case Reference(before_text, _), Reference(after_text, _) if before_text != after_text:
            return f"the list {before_text} was asked, and {after_text} is to be"
        case TimeRange(first, last, before_range, _), TimeRange(start, end, after_range, _) if (
            start > first or end < last
        ):
            return f"times from {' to '.join(before_range)} passed, and from {' to '.join(after_range)} are to"
    return ""


def told(rule: Rule) -> str:
    """Return a rule in a few words, without the families that it is about."""
    match rule:
        case TimeRange():
            return f"time_range {' to '.join(rule.text)}"
        case Minimum():
            return f"minimum {rule.value}"
        case Maximum():
            return f"maximum {rule.value}"
        case Pattern():
            return f"pattern {rule.value}"
        case Reference():
            return f"reference {rule.value}"
        case _:
            return f"{limit_name(rule)} {rule.value}"


def _words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text.lower())


def _both(old: Catalog, new: Catalog) -> Iterator[tuple[Rules, Rules]]:
    yield from ((old.validation, new.validation), (old.ingestion, new.ingestion))
