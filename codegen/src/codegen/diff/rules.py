"""Changes to rules, reasons, ids and reference lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.rules import told
from codegen.diff.change import Change, Section, others
from codegen.rules import circumstances

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.currencies import Currency
    from codegen.model import Catalog
    from codegen.policies import Business, Retry
    from codegen.rules import Rule, Rules


_LISTED = frozenset({"kind", "name", "currencies"})
_TOLD = frozenset(
    {
        "kind",
        "name",
        "record",
        "reason_codes",
        "later_reason_codes",
        "retired_reason_codes",
        "null_values",
        "texts",
        "fields",
    }
)


def rules(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield reason codes, rules, texts that mean null, and ids' namespaces that are new, gone or different."""
    for before, after in ((old.validation, new.validation), (old.ingestion, new.ingestion)):
        if before.record != after.record:
            text = f"record {before.record} → {after.record}"
            yield Change(Section.RULES, f"rules of {after.name}", text, (("rules", after.name, "record"),))
        yield from others(Section.RULES, f"rules of {after.name}", before.source, after.source, _TOLD)
        yield from _reasons(before, after)
        for field in dict.fromkeys((*before.fields, *after.fields)):
            one, other = (_listed(each.fields.get(field, ())) for each in (before, after))
            if one != other:
                yield Change(Section.RULES, f"rules on {field}", f"{one} → {other}", (("rule", field),))
        if before.texts != after.texts:
            one, other = (
                f"{told(each.texts)} ({each.texts.code})" if each.texts else "none" for each in (before, after)
            )
            yield Change(Section.RULES, "rules on texts", f"{one} → {other}", (("rule", "texts"),))
        if before.null_values != after.null_values:
            one, other = (", ".join(map(repr, each.null_values)) or "none" for each in (before, after))
            yield Change(Section.RULES, "texts that mean null", f"{one} → {other}", (("rule", "null_values"),))
    yield from _policy("retry advice", old.retry, new.retry)
    yield from _policy("business rules", old.business, new.business)
    for namespace in ("event_namespace", "body_namespace"):
        if getattr(old.identity, namespace) != getattr(new.identity, namespace):
            yield Change(Section.RULES, namespace, "is another", (("identity", namespace),))


def references(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield reference lists of another source or date, and currencies that are new, gone or different."""
    if not old.currencies:
        yield Change(Section.RULES, "currencies", f"{len(new.currencies)} are new", ())
        return
    yield from others(Section.RULES, "currencies", old.currency_source, new.currency_source, _LISTED)
    known, currencies = ({each.code: each for each in catalog.currencies} for catalog in (old, new))
    for code in sorted(known.keys() | currencies.keys()):
        if known.get(code) != currencies.get(code):
            text = _changed(known.get(code), currencies.get(code))
            yield Change(Section.RULES, f"currency {code}", text, (("currency", code),))


def _policy(name: str, was: Retry | Business | None, now: Retry | Business | None) -> Iterator[Change]:
    if was is not None and now is not None:
        yield from others(Section.RULES, name, was.source, now.source, frozenset({"kind"}))
    elif was is not now:
        yield Change(Section.RULES, name, "is new" if was is None else "is gone", ())


def _reasons(before: Rules, after: Rules) -> Iterator[Change]:
    for code in dict.fromkeys((*before.reason_codes, *after.reason_codes)):
        concerns = (("reason", after.name, code),)
        one, other = before.reason_codes.get(code), after.reason_codes.get(code)
        if one is None or other is None:
            yield Change(Section.RULES, f"reason {code}", "is gone" if other is None else "is new", concerns)
            continue
        if one != other:
            yield Change(Section.RULES, f"reason {code}", f"means {one} → {other}", concerns)
        if _giver(before, code) != _giver(after, code):
            yield Change(Section.RULES, f"reason {code}", f"is given by {_giver(after, code)} now", concerns)


def _giver(rules_of: Rules, code: str) -> str:
    if code in rules_of.retired_codes:
        return "nothing"
    return "a later service" if code in rules_of.later_codes else "this stage"


def _listed(rules_of: tuple[Rule, ...]) -> str:
    return ", ".join(f"{told(rule)} ({rule.code}){_beside(rule)}" for rule in rules_of) or "none"


def _beside(rule: Rule) -> str:
    return "".join(f" {each}" for each in circumstances(rule))


def _changed(was: Currency | None, now: Currency | None) -> str:
    if was is None or now is None:
        return "is gone" if now is None else "is new"
    return f"{_described(was)} → {_described(now)}"


def _described(currency: Currency) -> str:
    after = f", then {' and '.join(currency.successors)}" if currency.successors else ""
    withdrawn = f", withdrawn {currency.withdrawn}" if currency.withdrawn else ""
    return f"{currency.name}, {currency.exponent} digits{withdrawn}{after}"
