"""A provider's mapping in both forms, and bodies that a careless or hostile sender may send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from codegen.envelope import Found, found_in
from codegen.language.model import After, Condition, Lookup, Money, Path, Pick, Sum, When
from codegen.language.parts import inside
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate
from codegen.mapping.plan import plan
from hypothesis import strategies as st

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from codegen.language.model import Step
    from codegen.mapping.plan import Plan
    from codegen.model import Catalog, Example, Provider

RECEIVED_AT = 1_767_607_290_123
NOTHING_FOUND = Found()
NO_HEADERS: dict[str, str] = {}

Comparable = tuple[Any, ...]
"""What became of a body, as plain values: the verdict, and the event or the reasons."""

TEXTS = (
    *("", "null", "NULL", "usd", "USD", "u\u017fd", "isk", "ISK", "MGA", "ugx", "jpy", "kwd"),
    *("paid", "card", "4242", "none", "1e400", "\x00", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05"),
)
NUMBERS = (0, 1, -1, 50, 100, 150, 999999999999, 1000000000000, 2**31, 2**63, 1767607200, 10**18, 1.0, -0.0)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


class Pair:
    """A provider's mapping twice: compiled and interpreted."""

    def __init__(self, catalog: Catalog, provider: Provider, normalize: ModuleType) -> None:
        self.provider = provider
        # What every event of the provider comes with: an id may be there alone.
        self.headers = next(each.headers for each in provider.examples if each.kind == "accepted")
        self.plan = plan(catalog, provider)
        self._normalize = normalize

    @property
    def examples(self) -> tuple[Example, ...]:
        return self.provider.examples

    def body(self, name: str) -> dict[str, Any]:
        (body,) = (each.body for each in self.examples if each.name == name)
        parsed: dict[str, Any] = orjson.loads(body)
        return parsed

    def outcome(
        self,
        body: bytes | dict[str, Any],
        merchant_id: str = "merchant",
        headers: Mapping[str, str] | None = None,
        found: Found | None = None,
    ) -> Comparable:
        """Return what becomes of a body, which must be the same in both forms; with the provider's usual headers.

        `found` is what a gateway is said to have found, whatever the body holds.
        """
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        if found is None:
            found = self.found(raw, self.headers if headers is None else headers)
        result = self.become(raw, merchant_id, found)
        oracle = interpreted(self.plan, raw, merchant_id, found)
        assert result == oracle, f"of {raw!r} for {merchant_id!r} the two forms make something else"
        return result

    def become(self, body: bytes, merchant_id: str, found: Found | None = None) -> Comparable:
        """Return what the compiled form makes of a body; with the usual headers, unless what was found is said."""
        if found is None:
            found = self.found(body, self.headers)
        return compiled(self._normalize, self.provider.name, body, merchant_id, found)

    def found(self, body: bytes, headers: Mapping[str, str]) -> Found:
        """Return what a gateway finds in a body beside its merchant; empty texts where it finds nothing."""
        try:
            return found_in(self.provider.envelope, orjson.loads(body), headers, RECEIVED_AT)
        except orjson.JSONDecodeError:
            return Found()

    def event(self, body: dict[str, Any]) -> dict[str, Any]:
        kind, fields, *_ = self.outcome(body)
        assert kind == "normalized", fields
        return dict(fields)

    def codes(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        kind, rejections, _ = self.outcome(body)
        assert kind == "rejected"
        return [(code, field) for code, field, _ in rejections]

    def bodies(self) -> list[bytes]:
        """Return the bodies from which mutations start: those whose event type is mapped."""
        return [each.body for each in self.examples if each.kind in {"accepted", "rejected"}]

    def paths(self, event_type: str | None = None) -> list[Path]:
        """Return every path that the mapping reads, or that it reads of events of one type."""
        found: dict[Path, None] = {}
        if isinstance(self.plan.event_type, Path):
            found[self.plan.event_type] = None
        for group in self.plan.groups:
            for target in group.targets if event_type is None or event_type in group.events else ():
                found |= {each: None for each in inside(target.expression) if isinstance(each, Path)}
                found |= {leaf.path: None for leaf in target.rest}
        return list(found)

    def body_of_each_group(self) -> dict[str, bytes]:
        """Return, by its event type, a body of each group of the mapping that becomes an event."""
        accepted = {str(each.event_type): each.body for each in self.examples if each.kind == "accepted"}
        return {group.events[0]: accepted[group.events[0]] for group in self.plan.groups}

    def body_of_each_type(self) -> dict[str, bytes]:
        """Return, by event type, a body that becomes an event."""
        accepted = reversed([each for each in self.examples if each.kind == "accepted"])
        return {str(each.event_type): each.body for each in accepted}

    def words(self) -> list[object]:
        """Return every value that the mapping treats in its own way."""
        found: dict[object, None] = {}
        for group in self.plan.groups:
            found |= dict.fromkeys(group.events)
            for target in group.targets:
                for each in inside(target.expression):
                    match each:
                        case Lookup(_, table, _):
                            found |= dict.fromkeys(table)
                        case When(_, values, _, _):
                            found |= dict.fromkeys(values)
                        case Sum(_, _, Condition(_, values)) | Pick(_, _, Condition(_, values)):
                            found |= dict.fromkeys(values)
                        case After(_, text):
                            found |= dict.fromkeys((text, f"{text}7B{text}", f"https://x.example{text}7B?x/y#z"))
                        case Money(_, _, exponents):
                            found |= dict.fromkeys(exponents)
                        case _:
                            pass
        return list(found)


def interpreted(planned: Plan, body: bytes, merchant_id: str, found: Found = NOTHING_FOUND) -> Comparable:
    match evaluate(planned, body, merchant_id, *found):
        case Normalized(event):
            return "normalized", list(event.items())
        case Rejected(refusals, event_type):
            return "rejected", [(each.code, each.field, each.message) for each in refusals], event_type
        case Unsupported(event_type):
            return "unsupported", event_type


def compiled(
    normalize: ModuleType, provider: str, body: bytes, merchant_id: str, found: Found = NOTHING_FOUND
) -> Comparable:
    outcome = normalize.normalize(provider, body, merchant_id, *found)
    match outcome:
        case normalize.Normalized(event):
            return "normalized", list(event.items())
        case normalize.Rejected(rejections, event_type):
            return "rejected", [(each.code, each.field, each.message) for each in rejections], event_type
        case normalize.Unsupported(event_type):
            return "unsupported", event_type
    raise AssertionError(outcome)


def mutated(body: bytes, dice: random.Random, paths: Sequence[Path], values: Sequence[Any]) -> bytes:
    """Return a body with one to four of its values replaced or removed: any of them, or one that the mapping reads."""
    content = orjson.loads(body)
    for _ in range(dice.randint(1, 4)):
        value = orjson.loads(orjson.dumps(dice.choice(values)))
        if dice.random() < 0.5:
            put(content, dice.choice(paths).steps, value)
            continue
        inside_it = places(content)
        if not inside_it:
            break
        container, key = dice.choice(inside_it)
        if isinstance(container, dict) and dice.random() < 0.5:
            del container[key]
        else:
            container[key] = value
    return orjson.dumps(content)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key inside a JSON value."""
    found: list[tuple[Any, Any]] = []
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        found += [(value, key), *places(member)]
    return found


def put(container: Any, steps: Sequence[Step], value: Any) -> None:
    """Put a value where a path leads; what is in the way makes room, and a list too short gets more elements."""
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, int):
            if not isinstance(container, list):
                return
            container.extend({} for _ in range(step + 1 - len(container)))
        elif not isinstance(container, dict):
            return
        if after is None:
            container[step] = value
            return
        below = container.get(step) if isinstance(container, dict) else container[step]
        if not isinstance(below, list if isinstance(after, int) else dict):
            container[step] = below = [] if isinstance(after, int) else {}
        container = below
